; How a launch that is prepared starts a kernel on the thread that asks for it.
;
; context: 0 run    8 count of slots    16 scratch    24 seconds that a program took, 0.0 before the first
;         32 seconds of work that are worth a helping hand
; What is not yet measured, or long enough to be shared with workers, is left to Python, and what 63 bits do not count:
; then the result is -1.

declare i32 @clock_gettime(i32, ptr)

define internal double @now() {
  %time = alloca [2 x i64]
  %ok = call i32 @clock_gettime(i32 {clock}, ptr %time)
  %whole = load i64, ptr %time
  %rest.at = getelementptr i64, ptr %time, i64 1
  %rest = load i64, ptr %rest.at
  %seconds = sitofp i64 %whole to double
  %nanoseconds = sitofp i64 %rest to double
  %part = fmul double %nanoseconds, 1.0e-9
  %sum = fadd double %seconds, %part
  ret double %sum
}

define i32 @start(ptr %context, ptr %slots, i64 %stream, i32 %nx, i32 %ny, i32 %nz) {
entry:
  %x = zext i32 %nx to i64
  %y = zext i32 %ny to i64
  %z = zext i32 %nz to i64
  %plane = mul i64 %x, %y
  %total = mul i64 %plane, %z
  %x.f = sitofp i64 %x to double
  %y.f = sitofp i64 %y to double
  %z.f = sitofp i64 %z to double
  %plane.f = fmul double %x.f, %y.f
  %programs = fmul double %plane.f, %z.f
  %seconds.at = getelementptr i64, ptr %context, i64 3
  %seconds = load double, ptr %seconds.at
  %worth.at = getelementptr i64, ptr %context, i64 4
  %worth = load double, ptr %worth.at
  %expected = fmul double %seconds, %programs
  %known = fcmp ogt double %seconds, 0.0
  %short = fcmp olt double %expected, %worth
  %counted = fcmp olt double %programs, 0x43E0000000000000
  %quick = and i1 %known, %short
  %here = and i1 %quick, %counted
  br i1 %here, label %pack, label %long
long:
  ret i32 -1
pack:
  %count.at = getelementptr i64, ptr %context, i64 1
  %count = load i64, ptr %count.at
  %words = alloca i64, i64 %count, align 64
  %counter = alloca i64, align 64
  store i64 0, ptr %counter
  br label %next
next:
  %n = phi i64 [ 0, %pack ], [ %n.1, %copy ]
  %more = icmp slt i64 %n, %count
  br i1 %more, label %copy, label %run
copy:
  %slot.at = getelementptr ptr, ptr %slots, i64 %n
  %slot = load ptr, ptr %slot.at
  %word = load i64, ptr %slot
  %word.at = getelementptr i64, ptr %words, i64 %n
  store i64 %word, ptr %word.at
  %n.1 = add i64 %n, 1
  br label %next
run:
  %code = load ptr, ptr %context
  %scratch.at = getelementptr i64, ptr %context, i64 2
  %scratch = load ptr, ptr %scratch.at
  %before = call double @now()
  call void %code(ptr %words, ptr %counter, i64 %total, i64 %total, ptr %scratch, i32 %nx, i32 %ny, i32 %nz)
  %after = call double @now()
  %used = fsub double %after, %before
  %each = fdiv double %used, %programs
  %most = fmul double %seconds, 1.1
  %less = fcmp olt double %each, %most
  %kept = select i1 %less, double %each, double %most
  store double %kept, ptr %seconds.at
  ret i32 0
}
