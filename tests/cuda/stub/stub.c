/* A libcuda.so.1 without a card: it records what is called, keeps "device" memory in the host's, and fails on request.

   Every function of the driver that tilevm calls is here, under the name that cuGetProcAddress is asked for. It begins
   with CALL, which writes the call to the log, counts it, and returns the result that a test has injected. Functions
   that need a context return 201 without one, and after a kernel's fault each of them returns that fault. A launch
   copies its parameters out, as the driver does, and hands them to the test, which may run the kernel.
   The file exports stub_…, by which tests set it up and read what happened. */

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CARDS = 4, ATTRIBUTES = 256, SLOTS = 128, BLOCKS = 4096 };
enum { INVALID = 1, MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 101, NO_CONTEXT = 201, BAD_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600 };
enum { FUNCTION_SHARED = 8, POINTER_CARD = 9, MODE_RELAXED = 2, UNTIMED = 2 };
static const uint64_t BASE = 1ull << 33, GAP = 4096;

typedef struct { int card, own; } Context;
typedef struct { Context *context; int number, capturing; } Stream;
typedef struct { int untimed, recorded, waited, launches; } Event;
typedef struct { Context *context; char *image; int elf; } Module;
typedef struct { Module *module; char name[256]; int count, sizes[SLOTS], shared; } Function;
typedef struct { uint64_t begin, size; char *held; int card, live; } Block;
typedef struct { int id; char pad[4]; unsigned value[16]; } Attribute;
typedef struct { unsigned grid[3], block[3], shared; Stream *stream; Attribute *attributes; unsigned count; } Config;
typedef int Runner(const char *image, const char *name, const unsigned *grid, const unsigned *block, unsigned shared,
                   int count, const int *sizes, const unsigned char *bytes);

static char *text;
static size_t used, room;
static int started, cards = 1, version = 13000, attributes[CARDS][ATTRIBUTES], told[SLOTS], told_count;
static int sticky, fault_at, fault, launches, mode, blocks;
static int needed[16] = {1024, 0, 0, 0, 24}; /* of a function: most threads, bytes shared, constant, local; registers */
static char name[CARDS][64], jit_log[4096];
static uint64_t total[CARDS], top;
static Context primary[CARDS] = {{0, 1}, {1, 1}, {2, 1}, {3, 1}}, other[CARDS] = {{0}, {1}, {2}, {3}};
static _Thread_local Context *stack[16];
static _Thread_local int depth;
static Block block[BLOCKS];
static Runner *runner;
static struct { char name[64]; int left, code; } injected[16];
static struct { char name[64]; int calls; } counted[64];
static struct { int retained, modules, events, streams, memory; } live;

static void say(const char *form, ...) {
    va_list list;
    if (room - used < 8192) text = realloc(text, room = 2 * room + 65536);
    va_start(list, form);
    used += vsnprintf(text + used, room - used, form, list);
    va_end(list);
}

static int enter(const char *who) {
    int i;
    for (i = 0; counted[i].name[0] && strcmp(counted[i].name, who); i++) {}
    strcpy(counted[i].name, who);
    counted[i].calls++;
    for (i = 0; i < 16; i++)
        if (injected[i].left > 0 && !strcmp(injected[i].name, who) && !--injected[i].left) return injected[i].code;
    return 0;
}

static int needs(void) { return !started ? NOT_INITIALIZED : sticky ? sticky : depth ? 0 : NO_CONTEXT; }

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static void *locked(void) { pthread_mutex_lock(&one); return &one; }
static void unlocked(void *held) { pthread_mutex_unlock(*(pthread_mutex_t **)held); }

#define CALL(who, ...) \
    void *turn __attribute__((cleanup(unlocked), unused)) = locked(); \
    say(#who " " __VA_ARGS__), say("\n"); \
    { int code = enter(#who); if (code) { say("  -> %d\n", code); return code; } }
#define TRY(found) { int code = found; if (code) { say("  -> %d\n", code); return code; } }

static Context *current(void) { return depth ? stack[depth - 1] : NULL; }
static int made(Stream *s) { return (uintptr_t)s > 2; } /* the others stand for default ones */
static int stream_of(Stream *s) { return made(s) ? s->number : (int)(uintptr_t)s; }
static int captured(Stream *s) { return made(s) && s->capturing; }

static Block *holding(uint64_t at) {
    for (int i = 0; i < blocks; i++)
        if (block[i].live && at >= block[i].begin && at < block[i].begin + block[i].size) return &block[i];
    return NULL;
}

int cuInit(unsigned flags) { CALL(cuInit, "%u", flags) started = 1; return 0; }
int cuDriverGetVersion(int *out) { CALL(cuDriverGetVersion) *out = version; return 0; }
int cuDeviceGetCount(int *out) { CALL(cuDeviceGetCount) *out = cards; return 0; }
int cuDeviceGet(int *out, int n) { CALL(cuDeviceGet, "%d", n) TRY(n < 0 || n >= cards ? NO_DEVICE : 0) *out = n; return 0; }
int cuDeviceGetName(char *out, int size, int n) { CALL(cuDeviceGetName, "%d", n) snprintf(out, size, "%s", name[n]); return 0; }
int cuDeviceGetAttribute(int *out, int which, int n) { CALL(cuDeviceGetAttribute, "%d %d", n, which) *out = attributes[n][which]; return 0; }
int cuDeviceTotalMem(size_t *out, int n) { CALL(cuDeviceTotalMem, "%d", n) *out = total[n]; return 0; }

int cuDevicePrimaryCtxRetain(Context **out, int n) {
    CALL(cuDevicePrimaryCtxRetain, "%d", n)
    TRY(n < 0 || n >= cards ? NO_DEVICE : 0)
    *out = &primary[n], live.retained++;
    return 0;
}

int cuCtxGetCurrent(Context **out) { CALL(cuCtxGetCurrent) *out = current(); return 0; }
int cuCtxPushCurrent(Context *c) { CALL(cuCtxPushCurrent, "%d", c->card) stack[depth++] = c; return 0; }
int cuCtxPopCurrent(Context **out) { CALL(cuCtxPopCurrent) TRY(depth ? 0 : NO_CONTEXT) *out = stack[--depth]; return 0; }
int cuCtxSynchronize(void) { CALL(cuCtxSynchronize) TRY(needs()) return 0; }
int cuThreadExchangeStreamCaptureMode(int *m) { CALL(cuThreadExchangeStreamCaptureMode, "%d", *m) int was = mode; mode = *m, *m = was; return 0; }

static void jit(unsigned count, const int *options, void **values) {
    for (unsigned i = 0; i < count; i++)
        if (options[i] == 5 && jit_log[0]) strcpy(values[i], jit_log);
}

int cuModuleLoadDataEx(Module **out, const char *image, unsigned count, int *options, void **values) {
    int elf = !memcmp(image, "\x7f" "ELF", 4);
    jit(count, options, values);
    CALL(cuModuleLoadDataEx, "%s mode=%d", elf ? "cubin" : "ptx", mode)
    TRY(needs())
    Module *m = calloc(1, sizeof *m);
    m->context = current(), m->elf = elf, m->image = elf ? NULL : strdup(image);
    *out = m, live.modules++;
    return 0;
}

int cuModuleUnload(Module *m) { CALL(cuModuleUnload) live.modules--; free(m->image); free(m); return 0; }

static int parse(Function *f) { /* the sizes of the parameters of an entry of PTX; those that a test tells of a cubin */
    char wanted[300], type[8];
    int bits;
    if (f->module->elf) { memcpy(f->sizes, told, sizeof told); f->count = told_count; return 0; }
    snprintf(wanted, sizeof wanted, ".entry %s(", f->name);
    char *at = strstr(f->module->image, wanted), *end = at ? strstr(at, "\n)") : NULL;
    if (!end) return NOT_FOUND;
    while ((at = strstr(at, ".param .")) && at < end) {
        at += 8;
        if (sscanf(at, "%1[sufb]%d", type, &bits) != 2) return NOT_FOUND;
        f->sizes[f->count++] = bits / 8;
    }
    return 0;
}

int cuModuleGetFunction(Function **out, Module *m, const char *who) {
    CALL(cuModuleGetFunction, "%s", who)
    TRY(needs())
    Function *f = calloc(1, sizeof *f);
    f->module = m;
    snprintf(f->name, sizeof f->name, "%s", who);
    TRY(parse(f))
    *out = f;
    return 0;
}

int cuFuncGetAttribute(int *out, int which, Function *f) {
    CALL(cuFuncGetAttribute, "%s %d", f->name, which)
    TRY(needs())
    *out = needed[which];
    return 0;
}

int cuFuncSetAttribute(Function *f, int which, int value) {
    CALL(cuFuncSetAttribute, "%s %d=%d", f->name, which, value)
    TRY(needs())
    if (which == FUNCTION_SHARED) f->shared = value;
    return 0;
}

int cuMemAlloc(uint64_t *out, size_t size) {
    CALL(cuMemAlloc, "%zu", size)
    TRY(needs())
    TRY(size ? 0 : INVALID)
    TRY(blocks == BLOCKS || size > total[current()->card] ? MEMORY : 0)
    Block *b = &block[blocks++];
    *b = (Block){top, size, malloc(size + 3), current()->card, 1};
    memset(b->held, 0xA5, size + 3);
    top += (size + 2 * GAP - 1) / GAP * GAP;
    *out = b->begin, live.memory++;
    return 0;
}

int cuMemGetInfo(size_t *free, size_t *all) {
    CALL(cuMemGetInfo)
    TRY(needs())
    *free = *all = total[current()->card];
    return 0;
}

int cuMemFree(uint64_t at) {
    CALL(cuMemFree, "%#llx", (unsigned long long)at)
    TRY(needs())
    Block *b = holding(at);
    TRY(b && b->begin == at ? 0 : INVALID)
    free(b->held), b->live = 0, live.memory--;
    return 0;
}

static int inside(Block *b, uint64_t at, size_t size) { return b && b->card == current()->card && at + size <= b->begin + b->size; }

int cuMemcpyHtoDAsync(uint64_t to, const void *from, size_t size, Stream *s) {
    CALL(cuMemcpyHtoDAsync, "%zu to %#llx stream=%d", size, (unsigned long long)to, stream_of(s))
    TRY(needs())
    Block *b = holding(to);
    TRY(inside(b, to, size) ? 0 : INVALID)
    memcpy(b->held + (to - b->begin), from, size);
    return 0;
}

int cuMemcpyDtoHAsync(void *to, uint64_t from, size_t size, Stream *s) {
    CALL(cuMemcpyDtoHAsync, "%zu from %#llx stream=%d", size, (unsigned long long)from, stream_of(s))
    TRY(needs())
    Block *b = holding(from);
    TRY(inside(b, from, size) ? 0 : INVALID)
    memcpy(to, b->held + (from - b->begin), size);
    return 0;
}

int cuPointerGetAttribute(int *out, int which, uint64_t at) {
    CALL(cuPointerGetAttribute, "%d", which)
    TRY(sticky)
    Block *b = holding(at);
    TRY(b && which == POINTER_CARD ? 0 : INVALID)
    *out = b->card;
    return 0;
}

int cuStreamSynchronize(Stream *s) { CALL(cuStreamSynchronize, "%d", stream_of(s)) TRY(needs()) TRY(captured(s) ? 900 : 0) return 0; }
int cuStreamIsCapturing(Stream *s, int *out) { CALL(cuStreamIsCapturing, "%d", stream_of(s)) TRY(needs()) *out = captured(s); return 0; }
int cuStreamGetCtx(Stream *s, Context **out) { CALL(cuStreamGetCtx, "%d", stream_of(s)) TRY(sticky) *out = made(s) ? s->context : current(); return 0; }
int cuStreamWaitEvent(Stream *s, Event *e, unsigned flags) { CALL(cuStreamWaitEvent, "%d flags=%u", stream_of(s), flags) TRY(needs()) return 0; }
int cuEventCreate(Event **out, unsigned flags) { CALL(cuEventCreate, "flags=%u", flags) TRY(needs()) *out = calloc(1, sizeof **out), (*out)->untimed = flags & UNTIMED, live.events++; return 0; }
int cuEventRecord(Event *e, Stream *s) { CALL(cuEventRecord, "stream=%d", stream_of(s)) TRY(needs()) e->recorded = 1, e->launches = launches, e->waited = 0; return 0; }
int cuEventSynchronize(Event *e) { CALL(cuEventSynchronize) TRY(needs()) e->waited = 1; return 0; }
int cuEventDestroy(Event *e) { CALL(cuEventDestroy) TRY(needs()) free(e), live.events--; return 0; }

int cuEventElapsedTime(float *out, Event *from, Event *to) { /* each launch takes a quarter of a millisecond */
    CALL(cuEventElapsedTime)
    TRY(needs())
    TRY(from->untimed || to->untimed || !from->recorded || !to->recorded ? BAD_HANDLE : 0)
    TRY(from->waited && to->waited ? 0 : NOT_READY)
    *out = 0.25f * (to->launches - from->launches);
    return 0;
}

static int refuse(const Config *c, const Function *f) { /* as the driver would */
    const int *most = attributes[current()->card];
    if (f->module->context != current() || (made(c->stream) && c->stream->context != current())) return BAD_HANDLE;
    for (int i = 0; i < 3; i++)
        if (!c->grid[i] || c->grid[i] > (unsigned)most[5 + i] || !c->block[i] || c->block[i] > (unsigned)most[2 + i]) return INVALID;
    if (c->block[0] * c->block[1] * c->block[2] > (unsigned)most[1]) return INVALID;
    return c->shared > 48 * 1024 && c->shared > (unsigned)f->shared ? INVALID : 0;
}

int cuLaunchKernelEx(const Config *c, Function *f, void **params, void **extra) {
    unsigned char bytes[8 * SLOTS];
    int at = 0;
    CALL(cuLaunchKernelEx, "%s grid=%u,%u,%u block=%u,%u,%u shared=%u stream=%d attributes=%u", f->name, c->grid[0], c->grid[1],
         c->grid[2], c->block[0], c->block[1], c->block[2], c->shared, stream_of(c->stream), c->count)
    TRY(needs())
    TRY(refuse(c, f))
    for (unsigned i = 0; i < c->count; i++)
        say("  attribute %d: %u %u %u\n", c->attributes[i].id, c->attributes[i].value[0], c->attributes[i].value[1], c->attributes[i].value[2]);
    for (int i = 0; i < f->count; at += f->sizes[i++]) {
        memcpy(bytes + at, params[i], f->sizes[i]);
        say("  ");
        for (int j = f->sizes[i] - 1; j >= 0; j--) say("%02x", bytes[at + j]);
        say("\n");
    }
    if (++launches == fault_at) sticky = fault;
    if (runner && !captured(c->stream))
        return runner(f->module->image, f->name, c->grid, c->block, c->shared, f->count, f->sizes, bytes);
    return 0;
}

#define ROW(who) {#who, (void *)who}
static const struct { const char *name; void *function; } table[] = {
    ROW(cuInit), ROW(cuDriverGetVersion), ROW(cuDeviceGetCount), ROW(cuDeviceGet), ROW(cuDeviceGetName), ROW(cuDeviceGetAttribute),
    ROW(cuDeviceTotalMem), ROW(cuMemGetInfo), ROW(cuDevicePrimaryCtxRetain), ROW(cuCtxGetCurrent), ROW(cuCtxPushCurrent), ROW(cuCtxPopCurrent),
    ROW(cuCtxSynchronize), ROW(cuThreadExchangeStreamCaptureMode), ROW(cuModuleLoadDataEx), ROW(cuModuleUnload),
    ROW(cuModuleGetFunction), ROW(cuFuncGetAttribute), ROW(cuFuncSetAttribute), ROW(cuMemAlloc), ROW(cuMemFree),
    ROW(cuMemcpyHtoDAsync), ROW(cuMemcpyDtoHAsync), ROW(cuPointerGetAttribute), ROW(cuStreamSynchronize), ROW(cuStreamIsCapturing),
    ROW(cuStreamGetCtx), ROW(cuStreamWaitEvent), ROW(cuEventCreate), ROW(cuEventRecord), ROW(cuEventDestroy),
    ROW(cuEventSynchronize), ROW(cuEventElapsedTime), ROW(cuLaunchKernelEx),
};

int cuGetProcAddress_v2(const char *who, void **out, int cuda, uint64_t flags, int *status) {
    *out = NULL;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, who)) *out = table[i].function;
    if (!strcmp(who, "cuGetProcAddress")) *out = (void *)cuGetProcAddress_v2;
    if (status) *status = *out ? 0 : 1;
    return *out ? 0 : NOT_FOUND;
}

/* What tests call */

void stub_card(int n, const char *called, int major, int minor, uint64_t memory) {
    static const int first[] = {0, 1024, 1024, 1024, 64, 2147483647, 65535, 65535, 49152};
    memcpy(attributes[n], first, sizeof first);
    attributes[n][12] = 65536, attributes[n][16] = 132, attributes[n][75] = major, attributes[n][76] = minor;
    attributes[n][81] = 233472, attributes[n][97] = 232448;
    snprintf(name[n], sizeof name[n], "%s", called);
    total[n] = memory, top = BASE;
}
void stub_cards(int count) { cards = count; }
void stub_attribute(int n, int which, int value) { attributes[n][which] = value; }
void stub_function(int which, int value) { needed[which] = value; }
void stub_version(int found) { version = found; }
void stub_jit_log(const char *said) { snprintf(jit_log, sizeof jit_log, "%s", said); }
void stub_parameters(int count, const int *sizes) { told_count = count; memcpy(told, sizes, count * sizeof *sizes); }
void stub_run(Runner *with) { runner = with; }
void stub_fault(int launch, int code) { fault_at = launches + launch, fault = code; }
void stub_fail(const char *who, int call, int code) {
    int i = 0;
    while (injected[i].left > 0) i++;
    snprintf(injected[i].name, sizeof injected[i].name, "%s", who);
    injected[i].left = call, injected[i].code = code;
}
int stub_calls(const char *who) {
    for (int i = 0; counted[i].name[0]; i++)
        if (!strcmp(counted[i].name, who)) return counted[i].calls;
    return 0;
}
Stream *stub_stream(int card, int number, int capturing, int foreign) {
    Stream *s = malloc(sizeof *s);
    *s = (Stream){foreign ? &other[card] : &primary[card], number, capturing};
    return s;
}
uint64_t stub_alloc(int card, size_t size) {
    uint64_t found = 0;
    stack[depth++] = &primary[card], started = 1;
    cuMemAlloc(&found, size);
    depth--;
    return found;
}
void *stub_memory(uint64_t at) { Block *b = holding(at); return b ? b->held + (at - b->begin) : NULL; }
/* Whole words of a block: cards give more than is asked for, and a byte is changed by its word. */
int stub_block(int i, uint64_t *begin, uint64_t *size, void **held) {
    if (i >= blocks) return 0;
    *begin = block[i].begin, *size = (block[i].size + 3) / 4 * 4, *held = block[i].live ? block[i].held : NULL;
    return 1;
}
void stub_free(uint64_t at) { Block *b = holding(at); if (b) b->live = 0, live.memory--; }
void stub_live(int *out) { memcpy(out, &live, sizeof live); }
int stub_depth(void) { return depth; }
const char *stub_log(void) { return text ? text : ""; }
void stub_forget(void) { used = 0; if (text) *text = 0; }
