"""The launch itself, as native code: one function for all kernels, which Python and prepared launches call alike.

It takes a kernel's record, makes the card's context current where it is not, launches with cuLaunchKernelEx, notes the
launch in the card's ring, and gives the driver's result; 0 without a launch where there is nothing to run, and -1 for
more blocks than a card counts. It allocates nothing and waits for nothing, so a CUDA graph may capture it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

from tilevm.compiling import once
from tilevm.native import Loaded
from tilevm.optional import require

from .driver import address
from .faults import LENGTH

COUNTED = 65535  # blocks along y and z, on all cards
Start = Callable[[int, int, int, int, int, int], int]


class Record(ctypes.Structure):
    """What the function knows of a kernel: ``%record`` below."""

    _fields_ = (
        ("function", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
        ("ring", ctypes.c_void_p),
        ("number", ctypes.c_int64),
        ("attributes", ctypes.c_void_p),
        ("count", ctypes.c_int32),
        ("threads", ctypes.c_int32),
        ("shared", ctypes.c_int32),
    )


class Attribute(ctypes.Structure):
    """What a launch asks for besides its grid, such as clusters: CUlaunchAttribute."""

    _fields_ = (("kind", ctypes.c_int64), ("value", ctypes.c_uint32 * 16))


TEXT = """
%config = type {{ i32, i32, i32, i32, i32, i32, i32, ptr, ptr, i32 }}
%record = type {{ ptr, ptr, ptr, i64, ptr, i32, i32, i32 }}

declare i32 @llvm.umin.i32(i32, i32)
declare i32 @llvm.umax.i32(i32, i32)

define i32 @start(ptr %record, ptr %slots, i64 %stream, i32 %x, i32 %y, i32 %z) {{
entry:
  %config = alloca %config
  %held = alloca ptr
  %kernel = load %record, ptr %record
  %function = extractvalue %record %kernel, 0
  %context = extractvalue %record %kernel, 1
  %ring = extractvalue %record %kernel, 2
  %number = extractvalue %record %kernel, 3
  %attributes = extractvalue %record %kernel, 4
  %count = extractvalue %record %kernel, 5
  %threads = extractvalue %record %kernel, 6
  %shared = extractvalue %record %kernel, 7
  %queue = inttoptr i64 %stream to ptr
  %c0 = insertvalue %config zeroinitializer, i32 %x, 0
  %c1 = insertvalue %config %c0, i32 %y, 1
  %c2 = insertvalue %config %c1, i32 %z, 2
  %c3 = insertvalue %config %c2, i32 %threads, 3
  %c4 = insertvalue %config %c3, i32 1, 4
  %c5 = insertvalue %config %c4, i32 1, 5
  %c6 = insertvalue %config %c5, i32 %shared, 6
  %c7 = insertvalue %config %c6, ptr %queue, 7
  %c8 = insertvalue %config %c7, ptr %attributes, 8
  %c9 = insertvalue %config %c8, i32 %count, 9
  store %config %c9, ptr %config
  %least = call i32 @llvm.umin.i32(i32 %y, i32 %z)
  %less = call i32 @llvm.umin.i32(i32 %x, i32 %least)
  %nothing = icmp eq i32 %less, 0
  br i1 %nothing, label %none, label %some
none:
  ret i32 0
some:
  %most = call i32 @llvm.umax.i32(i32 %y, i32 %z)
  %beyond = icmp ugt i32 %most, {counted}
  br i1 %beyond, label %long, label %find
long:
  ret i32 -1
find:
  %asked = call i32 inttoptr (i64 {cuCtxGetCurrent} to ptr)(ptr %held)
  %known = icmp eq i32 %asked, 0
  br i1 %known, label %look, label %unknown
unknown:
  ret i32 %asked
look:
  %current = load ptr, ptr %held
  %same = icmp eq ptr %current, %context
  br i1 %same, label %launch, label %enter
enter:
  %pushed = call i32 inttoptr (i64 {cuCtxPushCurrent} to ptr)(ptr %context)
  %entered = icmp eq i32 %pushed, 0
  br i1 %entered, label %launch, label %refused
refused:
  ret i32 %pushed
launch:
  %result = call i32 inttoptr (i64 {cuLaunchKernelEx} to ptr)(ptr %config, ptr %function, ptr %slots, ptr null)
  br i1 %same, label %note, label %leave
leave:
  %popped = call i32 inttoptr (i64 {cuCtxPopCurrent} to ptr)(ptr %held)
  br label %note
note:
  %launched = icmp eq i32 %result, 0
  br i1 %launched, label %write, label %done
write:
  %n = atomicrmw add ptr %ring, i64 1 monotonic
  %turn = and i64 %n, {mask}
  %place = add i64 %turn, 1
  %entry_of = getelementptr i64, ptr %ring, i64 %place
  store i64 %number, ptr %entry_of
  br label %done
done:
  ret i32 %result
}}
"""
CALLED = ("cuCtxGetCurrent", "cuCtxPushCurrent", "cuCtxPopCurrent", "cuLaunchKernelEx")


@dataclass(frozen=True)
class Native:
    """The function's address, and the function as Python calls it: without the interpreter's lock."""

    address: int
    call: Start
    code: Loaded


@once
def start() -> Native:
    """The function, compiled for this process; the driver's functions are where it loaded them."""
    llvm = require("llvmlite.binding", "launching on a card")
    where = {name: address(name) for name in CALLED}
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2, reloc="pic", codemodel="small")
    module = llvm.parse_assembly(TEXT.format(mask=LENGTH - 1, counted=COUNTED, **where))
    code = Loaded(llvm, machine.emit_object(module), "start")
    found = code["start"]
    pointer, word, int_ = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
    return Native(found, ctypes.CFUNCTYPE(int_, pointer, pointer, word, int_, int_, int_)(found), code)
