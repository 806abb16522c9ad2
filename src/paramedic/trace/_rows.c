/* The hot paths of the recorder, for CPython with a GIL. What each does is said in _rows.pyi; paramedic.trace.native
 * imports it where it was built. Everything here can be done without it: whatever is not as expected (a page that is
 * full, a stack that is new, an attribute that is missing) is left to the function in Python that each probe is given.
 *
 * Why in C: after each switch of threads the interpreter finds the branches of its loop unforeseen, so what a probe
 * costs is the number of its bytecodes; here it is a subscription, `_begin[self]`, after which CPython looks for no
 * signal before the result is assigned (ceval.c, 3.11 to 3.14).
 *
 * Threads: all hold the GIL. A place is taken and its row stored with nothing between that could run Python.
 */
#define STATE 5 /* as paramedic.trace.native.STATE */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Who has called is asked at each call of a watched function, and most of these are Paramiko's own: to have an object made
 * of its frame each time, which is all that is public, would be as much work as many of them (internal/pycore_frame.h of
 * 3.11 to 3.14, as greenlet and Cython use it; where it is another version's or is not there, objects are made) */
#if PY_VERSION_HEX < 0x030F0000 && defined(__has_include)
#if PY_VERSION_HEX >= 0x030E0000
#if __has_include("internal/pycore_interpframe.h")
#define Py_BUILD_CORE 1
#include "internal/pycore_frame.h" /* of the object's form: until 3.14 it has both */
#include "internal/pycore_interpframe.h"
#endif
#elif __has_include("internal/pycore_frame.h")
#define Py_BUILD_CORE 1
#include "internal/pycore_frame.h"
#endif
#endif

#if defined(Py_GIL_DISABLED) || PY_BIG_ENDIAN
#error "Python does it: the one has no lock that all hold, the other stores the bytes of a row the other way round"
#endif

#define SYMBOLS(X)                                                                                                    \
    X(f_trace) X(sites) X(calls) X(keep) X(apart) X(local) X(texts) X(chunk) X(rows)       \
    X(channel) X(timeout) X(transport) X(chanid) X(packet) X(tell) X(getvalue) X(status_event) X(_flag) X(closed) X(eof_sent) X(lock) X(locked) X(references)                 \
    X(channel_events) X(in_window_size) X(_paramedic_id_) X(_paramedic_channel_)                                           \
    X(_paramedic_thread_) X(__dict__) X(_name) X(number) X(spare) X(ended) X(popleft) X(appendleft)  \
    X(append) X(__exit__) X(in_buffer) X(_buffer) X(_paramedic_quiet_)
#define DECLARE(name) static PyObject *s_##name;
SYMBOLS(DECLARE)
static PyObject *zero, *one, *getframe;

/* ---- rows ---- */

typedef struct { /* paramedic.trace.layout.ROW; `end` is also `a`, `last` is op | flags << 16 | kind << 24 */
    uint64_t t_ns, a;
    uint32_t obj, site, b, last;
} Row;
_Static_assert(sizeof(Row) == 32, "paramedic.trace.layout.ROW_BYTES");

/* time.monotonic_ns(), with which Python stores rows beside ours: elsewhere that is another clock (of macOS the one that
 * stands still while the machine sleeps), and before 3.13 there is no function for it */
static uint64_t now_ns(void) {
#if defined(__linux__)
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#elif PY_VERSION_HEX >= 0x030D0000
    PyTime_t t = 0;
    (void)PyTime_MonotonicRaw(&t);
    return (uint64_t)t;
#else
#error "Python does it: which clock is time.monotonic_ns() here?"
#endif
}

typedef struct {
    PyObject_HEAD
    Py_buffer view;
    Row *rows;
    uint32_t next, end;
    char open;
} Page;

/* Which pages threads have, so that not each row has to ask `_thread._local`: borrowed, and taken out before they end.
 *
 * A thread gets another page only where its own is full or closed, which is seen, or where it says so (`Page.forget`). Its
 * number is never given to another thread.
 */
#define KNOWN 64
static struct {
    uint64_t thread;
    PyObject *current; /* only compared */
    Page *page;
} known[KNOWN];

static void forget_page(Page *page) {
    for (int i = 0; i < KNOWN; i++)
        if (known[i].page == page) known[i].page = NULL;
}

static PyObject *forget(PyObject *none, PyObject *unused) {
    memset(known, 0, sizeof(known));
    Py_RETURN_NONE;
}

static void page_dealloc(Page *self) {
    forget_page(self);
    PyBuffer_Release(&self->view);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *page_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *mapping;
    unsigned int first, end;
    if (!PyArg_ParseTuple(args, "OII:Page", &mapping, &first, &end)) return NULL;
    Page *self = (Page *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    if (PyObject_GetBuffer(mapping, &self->view, PyBUF_WRITABLE)) {
        self->view.obj = NULL;
        Py_DECREF(self);
        return NULL;
    }
    if (first > end || (uint64_t)end * sizeof(Row) > (uint64_t)self->view.len) {
        Py_DECREF(self);
        PyErr_SetString(PyExc_ValueError, "a page must lie in its mapping");
        return NULL;
    }
    self->rows = self->view.buf;
    self->next = first;
    self->end = end;
    self->open = 1;
    return (PyObject *)self;
}

static PyObject *page_next(Page *self) { return self->next < self->end ? PyLong_FromUnsignedLong(self->next++) : NULL; }

/* A call of a function whose end is stored in the row of its beginning. `call[result]` is the result, and stores that the
 * call has returned it: two bytecodes at each `return`. */
typedef struct {
    PyObject_HEAD
    Page *page; /* NULL: of the one that stands for all calls that are not recorded, and is false */
    PyObject *end;
    uint32_t place;
} Call;
static Call *no_call;

static PyTypeObject Call_Type;

static void call_dealloc(Call *self) {
    Py_XDECREF(self->page);
    Py_XDECREF(self->end);
    PyObject_Free(self);
}

static Call *call_of(Page *page, uint32_t place) {
    Call *self = PyObject_New(Call, &Call_Type);
    if (self) {
        self->page = (Page *)Py_XNewRef((PyObject *)page);
        self->end = NULL;
        self->place = place;
    }
    return self;
}

static PyObject *page_call(Page *self, PyObject *place) {
    unsigned long at = PyLong_AsUnsignedLong(place);
    if (PyErr_Occurred()) return NULL;
    if (at >= self->end) return PyErr_Format(PyExc_ValueError, "no such place");
    return (PyObject *)call_of(self, (uint32_t)at);
}

static PyObject *page_close(Page *self, PyObject *unused) {
    self->open = 0;
    Py_RETURN_NONE;
}

static PyMethodDef page_methods[] = {{"forget", forget, METH_NOARGS | METH_STATIC, NULL},
                                     {"call", (PyCFunction)page_call, METH_O, NULL},
                                     {"close", (PyCFunction)page_close, METH_NOARGS, NULL},
                                     {NULL}};

static PyTypeObject Page_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "paramedic.trace._rows.Page",
    .tp_basicsize = sizeof(Page),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = page_new,
    .tp_dealloc = (destructor)page_dealloc,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)page_next,
    .tp_methods = page_methods,
};

/* ends a call: 0 if its page is gone, and there is nothing to be done */
static void call_end(Call *self, uint32_t size) {
    if (!self->page || !self->page->open) return;
    Row *row = self->page->rows + self->place;
    if (size) row->b = size;
    __atomic_store_n(&row->a, now_ns(), __ATOMIC_RELEASE);
}

static PyObject *call_end_method(Call *self, PyObject *size) {
    unsigned long long value = PyLong_AsUnsignedLongLong(size);
    if (PyErr_Occurred() || value > UINT32_MAX) {
        PyErr_Clear();
        Py_RETURN_FALSE;
    }
    call_end(self, (uint32_t)value);
    Py_RETURN_TRUE;
}

static PyObject *call_ended_otherwise(Call *self, PyObject *unused) {
    if (!self->page || !self->page->open) return PyLong_FromLong(0);
    Row *row = self->page->rows + self->place;
    __atomic_store_n(&row->a, 1, __ATOMIC_RELEASE);
    return PyLong_FromUnsignedLong(row->obj);
}

static PyMethodDef call_methods[] = {{"end", (PyCFunction)call_end_method, METH_O, NULL},
                                     {"ended_otherwise", (PyCFunction)call_ended_otherwise, METH_NOARGS, NULL},
                                     {NULL}};

static int call_is_recorded(Call *self) { return self->page != NULL; }
static PyObject *call_returns(PyObject *self, PyObject *result);
static PyNumberMethods call_number = {.nb_bool = (inquiry)call_is_recorded};
/* no operator: what one returns that is NotImplemented is an error, and a function may return that */
static PyMappingMethods call_mapping = {.mp_subscript = call_returns};

static PyTypeObject Call_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "paramedic.trace._rows.Call",
    .tp_basicsize = sizeof(Call),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = (destructor)call_dealloc,
    .tp_methods = call_methods,
    .tp_as_number = &call_number,
    .tp_as_mapping = &call_mapping,
};

/* ---- looking at objects; what fails is no error, but left to Python ----
 *
 * Each looks only where no error is set: Python code that ran with one would get a SystemError, in the other's place.
 */

/* What came up where we looked at something is no error; what a signal handler has raised in Python code that ran
 * meanwhile, such as Ctrl-C in somebody's __getattr__, is the program's. */
static int must_go_on(void) {
    if (!PyErr_Occurred()) return 0;
    if (!PyErr_ExceptionMatches(PyExc_Exception)) return 1;
    PyErr_Clear();
    return 0;
}

/* The same of what functions in Python that we call have raised: what is no error of the program's goes to `failed`, which
 * returns None or raises it again (paramedic.record.interrupts tells one from the other). NULL: it goes on. */
static PyObject *told(PyObject *failed) {
    if (!PyErr_ExceptionMatches(PyExc_Exception)) return NULL;
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (traceback) PyException_SetTraceback(error, traceback);
    PyObject *answer = PyObject_CallOneArg(failed, error);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    return answer;
}

static PyObject *get(PyObject *thing, PyObject *name) { return thing ? PyObject_GetAttr(thing, name) : NULL; }

/* the same, of a chain: gives up the reference to the thing */
static PyObject *then_get(PyObject *thing, PyObject *name) {
    PyObject *found = get(thing, name);
    Py_XDECREF(thing);
    return found;
}

/* -1: not to be had */
static int64_t to_number(PyObject *value, uint64_t most) {
    if (!value || !PyLong_CheckExact(value)) return -1;
    int beyond;
    long long number = PyLong_AsLongLongAndOverflow(value, &beyond); /* the quickest of its kind */
    return number < 0 || (unsigned long long)number > most ? -1 : number; /* beyond: -1 */
}

static int64_t number_at(PyObject *thing, PyObject *name) {
    PyObject *value = get(thing, name);
    int64_t number = to_number(value, UINT32_MAX);
    Py_XDECREF(value);
    return number;
}

/* what is true or false; -1: not to be had */
static int truth_at(PyObject *thing, PyObject *name) {
    PyObject *value = get(thing, name);
    int truth = value ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return truth;
}

/* Where a class of ours keeps an attribute that stands in its __slots__: nothing has to be looked up for it. */
typedef struct {
    PyTypeObject *type; /* the last that was seen, kept alive */
    Py_ssize_t offset;
} Slot;
static Slot slot_local, slot_texts, slot_rows, slot_sites, slot_calls, slot_keep, slot_apart, slot_number, slot_spare, slot_ended;

static PyObject *get_slot(PyObject *thing, Slot *slot, PyObject *name) {
    if (!thing) return NULL;
    if (Py_TYPE(thing) == slot->type) return Py_XNewRef(*(PyObject **)((char *)thing + slot->offset));
    PyObject *found = PyObject_GetAttr((PyObject *)Py_TYPE(thing), name);
    if (!found && must_go_on()) return NULL;
    if (found && Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        if (member->type == T_OBJECT_EX && PyType_IsSubtype(Py_TYPE(thing), ((PyMemberDescrObject *)found)->d_common.d_type)) {
            PyTypeObject *former = slot->type;
            slot->type = (PyTypeObject *)Py_NewRef((PyObject *)Py_TYPE(thing));
            slot->offset = member->offset;
            Py_XDECREF(former); /* whose end may be told to Python code, which comes here again */
        }
    }
    Py_XDECREF(found);
    return PyObject_GetAttr(thing, name);
}

static int has_room(Page *page) { return page->open && page->next < page->end; }

/* the calling thread's page, a new reference, if it has room */
static Page *page_of(PyObject *current) {
    uint64_t thread = PyThreadState_GetID(PyThreadState_Get());
    int at = (int)(thread % KNOWN);
    if (known[at].thread == thread && known[at].current == current && known[at].page && has_room(known[at].page))
        return (Page *)Py_NewRef((PyObject *)known[at].page);
    PyObject *local = get_slot(current, &slot_local, s_local), *chunk = then_get(local, s_chunk);
    PyObject *rows = get_slot(chunk, &slot_rows, s_rows);
    Py_XDECREF(chunk);
    if (rows && Py_TYPE(rows) == &Page_Type && has_room((Page *)rows)) {
        known[at].thread = thread;
        known[at].current = current;
        known[at].page = (Page *)rows;
        return (Page *)rows;
    }
    Py_XDECREF(rows);
    return NULL;
}

static uint32_t put(Page *page, uint64_t a, uint32_t obj, uint32_t site, uint32_t b, uint32_t last) {
    uint32_t place = page->next++;
    Row *row = page->rows + place;
    row->t_ns = now_ns();
    row->a = a;
    row->obj = obj;
    row->site = site;
    row->b = b;
    __atomic_store_n(&row->last, last, __ATOMIC_RELEASE); /* the kind: a reader sees a row whole or not at all */
    return place;
}

static int store(PyObject *current, uint64_t a, int64_t obj, uint32_t site, uint32_t b, uint32_t last) {
    Page *page = obj > 0 ? page_of(current) : NULL;
    if (!page) return 0;
    put(page, a, (uint32_t)obj, site, b, last);
    Py_DECREF(page);
    return 1;
}

/* ---- probes: all have the same form, of objects and numbers ---- */

#define MOST_THINGS 7
#define MOST_NUMBERS 5
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *things[MOST_THINGS];
    uint32_t numbers[MOST_NUMBERS];
} Probe;

static int probe_traverse(Probe *self, visitproc visit, void *arg) {
    for (int i = 0; i < MOST_THINGS; i++) Py_VISIT(self->things[i]);
    return 0;
}

static int probe_clear(Probe *self) {
    for (int i = 0; i < MOST_THINGS; i++) Py_CLEAR(self->things[i]);
    return 0;
}

static void probe_dealloc(Probe *self) {
    PyObject_GC_UnTrack(self);
    probe_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* things, then numbers; what is not given is None, so that nothing has to be asked for NULL */
static PyObject *probe_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    Probe *self = (Probe *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    for (int i = 0; i < MOST_THINGS; i++) self->things[i] = Py_NewRef(Py_None);
    int things = 0, numbers = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) {
        PyObject *given = PyTuple_GET_ITEM(args, i);
        if (PyLong_CheckExact(given) && numbers < MOST_NUMBERS) {
            self->numbers[numbers++] = (uint32_t)PyLong_AsUnsignedLong(given);
            if (PyErr_Occurred()) { Py_DECREF(self); return NULL; }
        } else if (things < MOST_THINGS) {
            Py_SETREF(self->things[things], Py_NewRef(given));
            things++;
        }
    }
    return (PyObject *)self;
}

#define CURRENT(self) (self)->things[0]
#define ASK(self) (self)->things[1]

static PyObject *ask(Probe *self, PyObject *first, PyObject *second) {
    if (must_go_on()) return NULL;
    PyObject *args[] = {first, second};
    return PyObject_Vectorcall(ASK(self), args, second ? 2 : 1, NULL);
}

static int ask_about(Probe *self, PyObject *first, PyObject *second) {
    PyObject *answer = ask(self, first, second);
    Py_XDECREF(answer);
    return answer ? 0 : -1;
}

/* what is kept with a frame, as its attribute f_trace; a new reference, NULL: nothing */
static PyObject *kept_with(PyObject *frame) {
#if defined(Py_BUILD_CORE)
    return Py_XNewRef(((PyFrameObject *)frame)->f_trace);
#else
    PyObject *kept = get(frame, s_f_trace);
    if (kept == Py_None) Py_CLEAR(kept);
    return kept;
#endif
}

/* the stack that is known at a frame (record.frames), -1: not */
static int64_t known_stack(PyObject *frame) {
    PyObject *lines = kept_with(frame), *sites = get_slot(lines, &slot_sites, s_sites);
    Py_XDECREF(lines);
    int64_t stack = -1;
    if (sites && PyList_CheckExact(sites)) {
        int at = PyFrame_GetLasti((PyFrameObject *)frame);
        if (at >= 0 && at < PyList_GET_SIZE(sites)) stack = to_number(PyList_GET_ITEM(sites, at), UINT32_MAX);
    }
    Py_XDECREF(sites);
    return stack;
}

/* The frame in which the caller of the running function is, or 2: of that; in the interpreter's own form. NULL: C alone has
 * called it. */
#if defined(Py_BUILD_CORE)
static _PyInterpreterFrame *caller_frame(int up) {
    PyThreadState *state = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030D0000
    _PyInterpreterFrame *frame = state->current_frame;
#else
    _PyInterpreterFrame *frame = state->cframe->current_frame;
#endif
    for (;; up--, frame = frame->previous) {
        while (frame && _PyFrame_IsIncomplete(frame)) frame = frame->previous;
        if (!frame || !up) return frame;
    }
}
#endif

/* the caller of the Python function that is running, a new reference; NULL where C alone has called it */
static PyObject *caller_of(void) {
#if defined(Py_BUILD_CORE)
    _PyInterpreterFrame *inner = caller_frame(1);
    if (inner && inner->frame_obj) return Py_NewRef((PyObject *)inner->frame_obj); /* it has been asked for before */
#endif
    PyObject *frame = PyObject_Vectorcall(getframe, &one, 1, NULL);
    if (frame && !PyFrame_Check(frame)) Py_CLEAR(frame); /* somebody has put another function there */
    return frame;
}

/* The code that has called the Python function that runs, or with 2 what has called that; NULL where C alone has. Borrowed,
 * which is good as long as it runs. */
#if defined(Py_BUILD_CORE)
static PyCodeObject *caller_code(int up) {
    _PyInterpreterFrame *frame = caller_frame(up);
    if (!frame) return NULL;
#if PY_VERSION_HEX >= 0x030D0000
    return _PyFrame_GetCode(frame);
#else
    return frame->f_code;
#endif
}
#else
static PyCodeObject *caller_code(int up) {
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    for (; frame && up; up--) {
        PyFrameObject *outer = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = outer;
    }
    PyCodeObject *code = frame ? PyFrame_GetCode(frame) : NULL;
    Py_XDECREF(frame);
    Py_XDECREF(code);
    return code;
}
#endif

static PyTypeObject Inside_Type;

/* Inside(files, passing_on, ours)[...] -> whether the function that asks is called by code from one of the files; who calls
 * by way of an `__exit__` in one of the others, of code that lies below `ours`, or of a function of the same name, which is
 * somebody's override that passes on, has called it himself */
#define SEEN 16
typedef struct {
    Probe probe;
    PyObject *seen[SEEN]; /* of the names that were found inside: a function's code has the very same each time */
} Inside;

#define MOST_BETWEEN 10

static int is_inside(Inside *self) {
    PyObject *const *things = self->probe.things;
    int passes_on = PyUnicode_Check(things[2]);
    for (int up = 1; up <= MOST_BETWEEN; up++) {
        PyCodeObject *code = caller_code(up);
        if (!code) return 0;
        PyObject *file = code->co_filename, **seen = &self->seen[((uintptr_t)file >> 4) % SEEN];
        if (*seen == file) return 1;
        if (code->co_name == s___exit__ && PySet_Contains(things[1], file) > 0) continue;
        if (passes_on && PyUnicode_Tailmatch(file, things[2], 0, PY_SSIZE_T_MAX, -1) > 0) continue;
        int inside = PySet_Contains(things[0], file);
        if (!inside && passes_on && code->co_name == caller_code(0)->co_name) continue;
        if (inside < 0) PyErr_Clear(); /* no set: it was the memory that was not enough */
        if (inside > 0 && PyUnicode_CheckExact(file)) Py_XSETREF(*seen, Py_NewRef(file));
        return inside > 0;
    }
    return 0;
}

static PyObject *inside(Inside *self, PyObject *unused) { return PyBool_FromLong(is_inside(self)); }

static void inside_dealloc(Inside *self) {
    for (int i = 0; i < SEEN; i++) Py_CLEAR(self->seen[i]);
    probe_dealloc(&self->probe);
}

/* CalledBy(function)[...] -> whether the function that asks is called by this one */
static PyObject *called_by(Probe *self, PyObject *unused) {
    PyObject *function = self->things[0];
    return PyBool_FromLong(PyFunction_Check(function) && (PyObject *)caller_code(1) == PyFunction_GET_CODE(function));
}

/* Begin(current, enter, inside, stream, arguments, failed, end, last, what, asks_caller, call, later)[first] or
 * [first, *passed] -> Call */
enum { NOTHING, OTHERS, OWN_TIMEOUT, FILE_TIMEOUT, GIVEN_TIMEOUT, GIVEN_PATH };

/* record.probe.milliseconds, of what a timeout nearly always is; 0: of something else */
static int milliseconds(PyObject *timeout, int64_t *ms) {
    if (timeout == Py_None) return 1; /* and -1 */
    double s = PyFloat_CheckExact(timeout) ? PyFloat_AS_DOUBLE(timeout) : (double)to_number(timeout, UINT32_MAX);
    if (!(s >= 0 && s <= UINT32_MAX)) return 0;
    *ms = (int64_t)(s * 1000);
    return 1;
}

/* whether a path depends on the working directory, as record.paramiko_calls */
static int relative(PyObject *path, int64_t *is_so) {
    if (!PyUnicode_CheckExact(path)) return 0;
    *is_so = !PyUnicode_GET_LENGTH(path) || PyUnicode_READ_CHAR(path, 0) != '/';
    return 1;
}

/* what is recorded of the arguments, where that is told without Python; 0 where it is not */
static int is_plain(Probe *self, PyObject *first, PyObject *key, int64_t *a) {
    PyObject *given = key != first && PyTuple_GET_SIZE(key) > 1 ? PyTuple_GET_ITEM(key, 1) : NULL, *timeout = NULL;
    switch (self->numbers[1]) {
    case NOTHING: return 1;
    case OWN_TIMEOUT: timeout = get(first, s_timeout); break;
    case GIVEN_TIMEOUT: return given && milliseconds(given, a);
    case GIVEN_PATH: return given && relative(given, a);
    case FILE_TIMEOUT:
        if (!PyType_Check(self->things[3]) || !PyObject_TypeCheck(first, (PyTypeObject *)self->things[3])) return 1;
        timeout = then_get(get(first, s_channel), s_timeout);
        break;
    default: return 0;
    }
    int known = timeout && milliseconds(timeout, a);
    Py_XDECREF(timeout);
    return known;
}

#define MOST_IN_FLAGS 255 /* as paramedic.trace.layout.MOST_IN_FLAGS */
#define MOST_PASSED 6

static int pair_of(PyObject *found, int64_t *a, int64_t *b) {
    if (!PyTuple_CheckExact(found) || PyTuple_GET_SIZE(found) != 2 || !PyLong_CheckExact(PyTuple_GET_ITEM(found, 0))) return 0;
    int beyond;
    *a = PyLong_AsLongLongAndOverflow(PyTuple_GET_ITEM(found, 0), &beyond);
    *b = to_number(PyTuple_GET_ITEM(found, 1), UINT32_MAX);
    return !beyond && *b >= 0;
}

/* what is recorded of the arguments: 0 if that is not to be had, with an error if that was raised */
static int arguments_of(Probe *self, PyObject *first, PyObject *key, PyObject *frame, int64_t *a, int64_t *b,
                        int *raised) {
    PyObject *args[1 + MOST_PASSED] = {first, frame}, *found;
    Py_ssize_t passed = self->numbers[2];
    if (key != first) {
        passed = PyTuple_GET_SIZE(key) - 1;
        for (Py_ssize_t i = 0; i < passed && i < MOST_PASSED; i++) args[1 + i] = PyTuple_GET_ITEM(key, 1 + i);
    }
    if (self->things[4] == Py_None || passed > MOST_PASSED || must_go_on()) return 0;
    found = PyObject_Vectorcall(self->things[4], args, 1 + passed, NULL);
    if ((*raised = !found)) return 0;
    int good = pair_of(found, a, b);
    Py_DECREF(found);
    return good;
}

static PyObject *begin(Probe *self, PyObject *key) {
    int passes = PyTuple_CheckExact(key) && PyTuple_GET_SIZE(key); /* or a program calls the function of () */
    if (Py_TYPE(self->things[2]) == &Inside_Type && is_inside((Inside *)self->things[2]))
        return Py_NewRef((PyObject *)no_call);
    PyObject *first = passes ? PyTuple_GET_ITEM(key, 0) : key, *answer = NULL, *frame = caller_of();
    int64_t a = -1, b = 0;
    int raised = 0;
    int64_t stack = frame ? known_stack(frame) : -1;
    if (stack >= 0 && (is_plain(self, first, key, &a) || arguments_of(self, first, key, frame, &a, &b, &raised))) {
        int64_t given = number_at(first, s__paramedic_id_);
        Page *page = given > 0 ? page_of(CURRENT(self)) : NULL;
        Call *made = page ? call_of(page, 0) : NULL;
        if (made && !b && a >= -1 && a < MOST_IN_FLAGS) {
            made->place = put(page, 0, (uint32_t)given, (uint32_t)stack, 0, self->numbers[0] + ((uint32_t)(a + 1) << 16));
            answer = Py_NewRef((PyObject *)made);
        } else if (made && page->end - page->next >= 2) {
            put(page, (uint64_t)a, (uint32_t)given, (uint32_t)stack, (uint32_t)b, self->numbers[3]);
            made->place = put(page, 0, (uint32_t)given, 0, 0, self->numbers[4]);
            answer = Py_NewRef((PyObject *)made);
        }
        Py_XDECREF(made);
        Py_XDECREF(page);
    }
    if (!answer && raised) answer = told(self->things[5]);
    else if (!answer && !must_go_on()) {
        PyObject *caller = frame ? frame : Py_None;
        if (key == first) {
            answer = ask(self, first, caller);
        } else {
            Py_ssize_t passed = PyTuple_GET_SIZE(key) - 1;
            PyObject *args[2 + MOST_PASSED] = {first, caller};
            if (passed > MOST_PASSED) passed = MOST_PASSED;
            for (Py_ssize_t i = 0; i < passed; i++) args[2 + i] = PyTuple_GET_ITEM(key, 1 + i);
            answer = PyObject_Vectorcall(ASK(self), args, 2 + passed, NULL);
        }
    }
    Py_XDECREF(frame);
    if (!answer) return NULL;
    if (Py_TYPE(answer) != &Call_Type) { /* None: it is not recorded */
        Py_DECREF(answer);
        return Py_NewRef((PyObject *)no_call);
    }
    if (!((Call *)answer)->end) ((Call *)answer)->end = Py_NewRef(self->things[6]);
    return answer;
}

/* End(None, leave, stdin, stdout, measure, most): what is done at the end of a call */
enum { UNMEASURED, LENGTH, NUMBER, TOLD, STREAMS };

static int64_t measured(uint32_t how, PyObject *result) {
    if (how == UNMEASURED || result == Py_None || result == Py_False) return how == TOLD || how == STREAMS ? -1 : 0;
    if (how == NUMBER) return result == Py_True ? 1 : to_number(result, UINT32_MAX);
    if (how != LENGTH) return -1;
    if (PyBytes_CheckExact(result)) return PyBytes_GET_SIZE(result);
    return PyUnicode_CheckExact(result) ? PyUnicode_GET_LENGTH(result) : -1;
}

static int set_number(PyObject *thing, PyObject *name, int64_t number) {
    PyObject *value = PyLong_FromLongLong(number);
    int failed = !value || PyObject_SetAttr(thing, name, value);
    Py_XDECREF(value);
    return failed;
}

/* the ids of the three files of a command (record.births); 0 if they are to be given in another way */
static int64_t streams(Probe *self, PyObject *result) {
    if (!PyTuple_CheckExact(result) || PyTuple_GET_SIZE(result) != 3) return 0;
    PyObject *in = PyTuple_GET_ITEM(result, 0), *out = PyTuple_GET_ITEM(result, 1), *err = PyTuple_GET_ITEM(result, 2);
    if ((PyObject *)Py_TYPE(in) != self->things[2] || (PyObject *)Py_TYPE(out) != self->things[3]) return 0;
    PyObject *channel = get(out, s_channel);
    int64_t given = channel ? number_at(channel, s__paramedic_id_) : -1, most = self->numbers[1];
    Py_XDECREF(channel);
    if (given <= 0 || given >= most || number_at(out, s__paramedic_id_) != 0) return 0;
    int64_t first = 4 * (most + given);
    if (set_number(out, s__paramedic_id_, first) || set_number(err, s__paramedic_id_, first + 1)) return 0;
    return set_number(in, s__paramedic_id_, first + 2) ? 0 : first;
}

static PyTypeObject End_Type;

static PyObject *call_returns(PyObject *call, PyObject *result) {
    Call *self = (Call *)call;
    if (!self->page) return Py_NewRef(result);
    Probe *end = self->end && Py_TYPE(self->end) == &End_Type ? (Probe *)self->end : NULL;
    int64_t size = end ? measured(end->numbers[0], result) : 0;
    if (end && end->numbers[0] == STREAMS && !(size = streams(end, result))) size = -1;
    if (size >= 0 && size <= UINT32_MAX) call_end(self, (uint32_t)size);
    else if (ask_about(end, call, result)) return NULL;
    return Py_NewRef(result);
}

/* Row(current, row)(kind, op, obj, site, a, b); Span(current, span)(kind, op, obj, site) -> Call */
static int numbers_of(PyObject *const *args, Py_ssize_t count, long long *numbers) {
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!PyLong_Check(args[i])) return 0;
        int beyond;
        numbers[i] = PyLong_AsLongLongAndOverflow(args[i], &beyond);
        if (beyond) return 0;
        if (i != 4 && (numbers[i] < 0 || numbers[i] > UINT32_MAX)) return 0;
    }
    return numbers[0] < 256 && numbers[1] < 1 << 24;
}

static PyObject *row(Probe *self, PyObject *const *args, size_t flags, PyObject *names) {
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    long long n[6];
    Page *page = !names && count == 6 && numbers_of(args, 6, n) ? page_of(CURRENT(self)) : NULL;
    if (page) {
        put(page, (uint64_t)n[4], (uint32_t)n[2], (uint32_t)n[3], (uint32_t)n[5], (uint32_t)(n[1] + (n[0] << 24)));
        Py_DECREF(page);
        Py_RETURN_NONE;
    }
    return must_go_on() ? NULL : PyObject_Vectorcall(ASK(self), args, flags, names);
}

static PyObject *span(Probe *self, PyObject *const *args, size_t flags, PyObject *names) {
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    long long n[4];
    Page *page = !names && count == 4 && numbers_of(args, 4, n) ? page_of(CURRENT(self)) : NULL;
    Call *made = page ? call_of(page, 0) : NULL;
    if (made) made->place = put(page, 0, (uint32_t)n[2], (uint32_t)n[3], 0, (uint32_t)(n[1] + (n[0] << 24)));
    Py_XDECREF(page);
    if (made) return (PyObject *)made;
    return must_go_on() ? NULL : PyObject_Vectorcall(ASK(self), args, flags, names);
}

/* Text(current, text)(words) -> id, of one that is stored */
static PyObject *text(Probe *self, PyObject *const *args, size_t flags, PyObject *names) {
    if (!names && PyVectorcall_NARGS(flags) == 1 && PyUnicode_CheckExact(args[0])) {
        PyObject *texts = get_slot(CURRENT(self), &slot_texts, s_texts);
        PyObject *found = texts && PyDict_CheckExact(texts) ? PyDict_GetItemWithError(texts, args[0]) : NULL;
        Py_XINCREF(found);
        Py_XDECREF(texts);
        if (found) return found;
    }
    return must_go_on() ? NULL : PyObject_Vectorcall(ASK(self), args, flags, names);
}

/* Walker(kept, stack_of, outermost, silent)(frame) -> stack, as `stack_of` in record.frames */
#define MOST_FRAMES 100

static PyObject *item(PyObject *dict, PyObject *key) { /* gives up the reference to the key; borrowed */
    PyObject *found = dict && key && PyDict_CheckExact(dict) ? PyDict_GetItemWithError(dict, key) : NULL;
    Py_XDECREF(key);
    return found;
}

/* what is kept with a frame, or can be; a new reference, NULL if its place in the tree is not known */
static PyObject *lines_of(Probe *self, PyObject *frame, int left) {
    PyObject *lines = get(frame, s_f_trace), *good = PyList_GET_ITEM(CURRENT(self), 0);
    if (!lines || (PyObject *)Py_TYPE(lines) == good) return lines;
    PyObject *outer = (PyObject *)PyFrame_GetBack((PyFrameObject *)frame), *callees = NULL, *called = NULL;
    if (!outer) {
        callees = Py_NewRef(self->things[2]);
    } else if (left) {
        PyObject *over = lines_of(self, outer, left - 1), *calls = get_slot(over, &slot_calls, s_calls);
        callees = Py_XNewRef(item(calls, PyLong_FromLong(PyFrame_GetLasti((PyFrameObject *)outer))));
        Py_XDECREF(over);
        Py_XDECREF(calls);
    }
    PyCodeObject *code = PyFrame_GetCode((PyFrameObject *)frame);
    called = Py_XNewRef(item(callees, PyLong_FromVoidPtr(code)));
    Py_DECREF(code);
    /* what was kept before `Stacks.forget` is false, and gives way, too */
    if (called && (lines == Py_None || PyObject_Not(lines) > 0) && !PyThreadState_Get()->c_traceobj) {
        PyObject *keep = get_slot(called, &slot_keep, s_keep);
        if (keep == Py_True) PyObject_SetAttr(frame, s_f_trace, called);
        Py_XDECREF(keep);
    }
    if (called && PyErr_Occurred()) Py_CLEAR(called);
    Py_DECREF(lines);
    Py_XDECREF(outer);
    Py_XDECREF(callees);
    return called;
}

static PyObject *walk(Probe *self, PyObject *const *args, size_t flags, PyObject *names) {
    PyObject *stack = NULL;
    if (!names && PyVectorcall_NARGS(flags) == 1 && PyFrame_Check(args[0])) {
        PyObject *frame = args[0];
        PyObject *lines = lines_of(self, frame, MOST_FRAMES), *apart = get_slot(lines, &slot_apart, s_apart), *sites;
        int at = PyFrame_GetLasti((PyFrameObject *)frame);
        sites = apart == Py_None ? get_slot(lines, &slot_sites, s_sites)
                                 : Py_XNewRef(item(apart, PyLong_FromUnsignedLong(self->numbers[0])));
        if (sites && PyList_CheckExact(sites) && at >= 0 && at < PyList_GET_SIZE(sites))
            stack = Py_NewRef(PyList_GET_ITEM(sites, at));
        Py_XDECREF(sites);
        Py_XDECREF(lines);
        Py_XDECREF(apart);
        if (stack && PyLong_CheckExact(stack) && !PyErr_Occurred()) return stack;
        Py_XDECREF(stack);
    }
    return must_go_on() ? NULL : PyObject_Vectorcall(ASK(self), args, flags, names);
}

/* ---- calls that are recorded whoever makes them (record.probe) ---- */

/* Enter(current, enter, walk, arguments, failed, last)(thing, *values) -> id of the thing, or None */
static PyObject *enter(Probe *self, PyObject *const *args, size_t flags, PyObject *names) {
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    PyObject *frame = !names && count ? caller_of() : NULL, *answer = NULL, *walked = NULL;
    int64_t stack = frame ? known_stack(frame) : -1, given = -1, a = -1, b = 0;
    if (frame && stack < 0 && !must_go_on()) {
        walked = PyObject_CallOneArg(self->things[2], frame);
        if (!walked) goto raised;
        stack = to_number(walked, UINT32_MAX);
    }
    if (stack >= 0 && (given = number_at(args[0], s__paramedic_id_)) > 0) {
        if (self->things[3] != Py_None) {
            PyObject *found = PyObject_Vectorcall(self->things[3], args, (size_t)count, NULL);
            if (!found) goto raised;
            if (!pair_of(found, &a, &b)) given = -1;
            Py_DECREF(found);
        }
        if (store(CURRENT(self), (uint64_t)a, given, (uint32_t)stack, (uint32_t)b, self->numbers[0]))
            answer = PyLong_FromLongLong(given);
    }
    Py_XDECREF(walked);
    Py_XDECREF(frame);
    if (answer) return answer;
    return must_go_on() ? NULL : PyObject_Vectorcall(ASK(self), args, flags, names);
raised:
    Py_XDECREF(walked);
    Py_DECREF(frame);
    return told(self->things[4]);
}

/* Leave(current, leave, last, measure)(id, result) -> result */
static PyObject *leave(Probe *self, PyObject *const *args, size_t flags, PyObject *names) {
    if (!names && PyVectorcall_NARGS(flags) == 2) {
        int64_t given = to_number(args[0], UINT32_MAX), size = measured(self->numbers[1], args[1]);
        if (size >= 0 && store(CURRENT(self), (uint64_t)size, given, 0, 0, self->numbers[0])) return Py_NewRef(args[1]);
    }
    return must_go_on() ? NULL : PyObject_Vectorcall(ASK(self), args, flags, names);
}

/* ---- threads (record.threads) ---- */

/* `Thread-12 (work)` is 12 and `work`, a new reference, as model.thread_name.name_parts; NULL if that is not to be had */
static PyObject *name_parts(PyObject *name, uint32_t *number) {
    *number = 0;
    if (!PyUnicode_IS_COMPACT_ASCII(name) || PyUnicode_GET_LENGTH(name) < 8) return Py_NewRef(name);
    const char *words = (const char *)PyUnicode_1BYTE_DATA(name), *end = words + PyUnicode_GET_LENGTH(name), *at = words + 7;
    uint32_t found = 0;
    if (memcmp(words, "Thread-", 7) || *at == '0') return Py_NewRef(name);
    for (int digits = 0; at < end && *at >= '0' && *at <= '9'; at++) {
        if (++digits > 9) return Py_NewRef(name);
        found = found * 10 + (uint32_t)(*at - '0');
    }
    if (!found || (at < end && (end - at < 4 || memcmp(at, " (", 2) || end[-1] != ')'))) return Py_NewRef(name);
    *number = found;
    return at < end ? PyUnicode_FromStringAndSize(at + 2, end - at - 3) : PyUnicode_FromStringAndSize("", 0);
}

#ifdef PY_HAVE_THREAD_NATIVE_ID
#define NATIVE_ID() PyThread_get_thread_native_id()
#else
#define NATIVE_ID() 0 /* Python has something in its place */
#endif

/* a chunk in which there is room for two rows, for the calling thread, which has none; a new reference */
static PyObject *spare_chunk(PyObject *current, PyObject *number, Page **page) {
    PyObject *local = get_slot(current, &slot_local, s_local), *kept = get(local, s___dict__), *chunk = NULL;
    PyObject *spare = kept && PyDict_CheckExact(kept) && !PyDict_Contains(kept, s_chunk) ? get_slot(current, &slot_spare, s_spare) : NULL;
    if (spare && PyObject_Size(spare) > 0 && (chunk = PyObject_CallMethodNoArgs(spare, s_popleft))) {
        PyObject *rows = get_slot(chunk, &slot_rows, s_rows);
        *page = rows && Py_TYPE(rows) == &Page_Type ? (Page *)rows : NULL;
        if (!*page || !(*page)->open || (*page)->end - (*page)->next < 2 || PyObject_SetAttr(chunk, s_number, number) ||
            PyObject_SetAttr(local, s_chunk, chunk)) {
            PyObject *type, *error, *traceback;
            PyErr_Fetch(&type, &error, &traceback);
            Py_XDECREF(PyObject_CallMethodOneArg(spare, s_appendleft, chunk));
            PyErr_Restore(type, error, traceback);
            Py_CLEAR(chunk);
            Py_XDECREF(rows);
        }
    }
    Py_XDECREF(local);
    Py_XDECREF(kept);
    Py_XDECREF(spare);
    return chunk;
}

/* ThreadBegins(current, begin, text, owner, begins)(thread) -> thread; None if it is one of those that are not told */
static PyObject *thread_begins(Probe *self, PyObject *const *args, size_t flags, PyObject *names) {
    PyObject *mark = !names && PyVectorcall_NARGS(flags) == 1 ? get(args[0], s__paramedic_thread_) : NULL;
    if (mark == Py_None) return mark;
    PyObject *name = get(mark ? args[0] : NULL, s__name), *words = NULL, *told_as = NULL, *chunk = NULL;
    int64_t number = to_number(mark, UINT32_MAX), native = NATIVE_ID(), text = -1;
    uint32_t in_name = 0;
    Page *page = NULL;
    if (number > 0 && native && name && PyUnicode_CheckExact(name) && (words = name_parts(name, &in_name)) &&
        (told_as = PyObject_CallOneArg(self->things[2], words)) && (text = to_number(told_as, UINT32_MAX)) >= 0)
        chunk = spare_chunk(CURRENT(self), mark, &page);
    if (chunk) {
        put(page, (uint64_t)number, 0, 0, 0, self->numbers[0]);
        if (has_room(page)) put(page, (uint64_t)native, in_name, 0, (uint32_t)text, self->numbers[1]);
        Py_DECREF(page);
        Py_DECREF(chunk);
    }
    Py_XDECREF(words);
    Py_XDECREF(told_as);
    Py_XDECREF(name);
    Py_XDECREF(mark);
    if (chunk) return Py_NewRef(args[0]);
    return must_go_on() ? NULL : PyObject_Vectorcall(ASK(self), args, flags, names);
}

/* ThreadEnds(current, end, last)(thread, result) -> result */
static PyObject *thread_ends(Probe *self, PyObject *const *args, size_t flags, PyObject *names) {
    Page *page = !names && PyVectorcall_NARGS(flags) == 2 ? page_of(CURRENT(self)) : NULL;
    PyObject *local = page ? get_slot(CURRENT(self), &slot_local, s_local) : NULL, *chunk = get(local, s_chunk);
    PyObject *rows = get_slot(chunk, &slot_rows, s_rows);
    /* between two recordings every thread has the chunk that takes nothing, and keeps it */
    PyObject *number = rows == (PyObject *)page ? get_slot(chunk, &slot_number, s_number) : NULL;
    PyObject *ended = number ? get_slot(CURRENT(self), &slot_ended, s_ended) : NULL;
    PyObject *spare = ended ? get_slot(CURRENT(self), &slot_spare, s_spare) : NULL, *done = NULL;
    if (spare && PySet_Check(ended) && !PyObject_DelAttr(local, s_chunk)) {
        if (has_room(page)) put(page, 0, 0, 0, 0, self->numbers[0]);
        forget_page(page);
        done = Py_NewRef(args[1]);
        if (!PySet_Add(ended, number)) Py_XDECREF(PyObject_CallMethodOneArg(spare, s_append, chunk));
    }
    Py_XDECREF(local);
    Py_XDECREF(chunk);
    Py_XDECREF(rows);
    Py_XDECREF(number);
    Py_XDECREF(ended);
    Py_XDECREF(spare);
    Py_XDECREF(page);
    if (must_go_on()) Py_CLEAR(done);
    else if (!done) done = PyObject_Vectorcall(ASK(self), args, flags, names);
    return done;
}

/* ---- messages (record.wire) ---- */

static uint32_t big_endian(const unsigned char *raw) {
    return (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
}

/* what a paramiko.Message consists of; NULL if it is none */
static PyObject *bytes_of(PyObject *message) {
    PyObject *packet = get(message, s_packet), *raw = packet ? PyObject_CallMethodNoArgs(packet, s_getvalue) : NULL;
    Py_XDECREF(packet);
    if (raw && !PyBytes_CheckExact(raw)) Py_CLEAR(raw);
    return raw;
}

/* Received(current, received, last)[channel] */
static PyObject *received(Probe *self, PyObject *channel) {
    PyObject *transport = get(channel, s_transport);
    int64_t over = transport ? number_at(transport, s__paramedic_id_) : -1;
    int64_t number = over > 0 ? number_at(channel, s_chanid) : -1;
    Py_XDECREF(transport);
    if (number >= 0 && store(CURRENT(self), (uint64_t)number, over, 0, 1, self->numbers[0])) Py_RETURN_NONE;
    return ask(self, channel, NULL);
}

/* Sent(current, sent, last)[transport] = message; of EOF and CLOSE, RFC 4254 section 5.3: type and channel */
static int sent(Probe *self, PyObject *transport, PyObject *message) {
    PyObject *packet = get(message, s_packet), *length = packet ? PyObject_CallMethodNoArgs(packet, s_tell) : NULL;
    int64_t bytes = to_number(length, UINT32_MAX);
    Py_XDECREF(packet);
    Py_XDECREF(length);
    if (bytes >= 0 && bytes != 5) return 0;
    PyObject *raw = bytes == 5 ? bytes_of(message) : NULL;
    int done = 0;
    if (raw && PyBytes_GET_SIZE(raw) == 5) {
        const unsigned char *at = (const unsigned char *)PyBytes_AS_STRING(raw);
        done = at[0] != 96 && at[0] != 97;
        if (!done)
            done = store(CURRENT(self), big_endian(at + 1), number_at(transport, s__paramedic_id_), 0, 0,
                         self->numbers[0] + at[0]);
    }
    Py_XDECREF(raw);
    return done ? 0 : ask_about(self, transport, message ? message : Py_None);
}

/* Requested(current, requested, last)[channel] = message; of an exit status, RFC 4254 section 6.10 */
static int requested(Probe *self, PyObject *channel, PyObject *message) {
    PyObject *event = get(channel, s_status_event);
    int is_set = event ? truth_at(event, s__flag) : -1, done = is_set > 0;
    Py_XDECREF(event);
    PyObject *raw = is_set == 0 ? bytes_of(message) : NULL;
    if (raw) {
        const char *at = PyBytes_AS_STRING(raw);
        done = PyBytes_GET_SIZE(raw) < 19 || memcmp(at + 4, "\0\0\0\x0b" "exit-status", 15) != 0;
        if (!done && PyBytes_GET_SIZE(raw) >= 24)
            done = store(CURRENT(self), big_endian((const unsigned char *)at + 20),
                         number_at(channel, s__paramedic_id_), 0, 0, self->numbers[0]);
        Py_DECREF(raw);
    }
    return done ? 0 : ask_about(self, channel, message ? message : Py_None);
}

/* ---- births and ends (record.births) ---- */

/* Adopt(current, adopt, classes, new_id, stack_of, last)(thing, parent, number, frame, given=0) -> id */
static PyObject *adopt(Probe *self, PyObject *const *args, size_t flags, PyObject *names) {
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    PyObject *given = NULL;
    if (!names && (count == 4 || count == 5) && PyDict_CheckExact(self->things[2])) {
        int64_t parent = to_number(args[1], UINT32_MAX), number = to_number(args[2], UINT32_MAX), stack = 0, id = 0;
        int64_t op = to_number(PyDict_GetItemWithError(self->things[2], (PyObject *)Py_TYPE(args[0])), (1 << 24) - 1);
        if (op > 0 && args[3] != Py_None) {
            PyObject *walked = PyObject_CallOneArg(self->things[4], args[3]);
            if (!walked) return NULL;
            stack = to_number(walked, UINT32_MAX);
            Py_XDECREF(walked);
        }
        if (op > 0 && stack >= 0 && parent >= 0 && number >= 0) {
            if (count == 5) id = to_number(args[4], UINT32_MAX);
            if (!(given = id > 0 ? Py_NewRef(args[4]) : PyObject_CallNoArgs(self->things[3]))) return NULL;
            id = to_number(given, UINT32_MAX);
        }
        Page *page = id > 0 ? page_of(CURRENT(self)) : NULL;
        /* no __setattr__ of the program's; but a dictionary may be made, and before 3.12 the collector runs as it is, and
         * with it finalizers, which take places of the page */
        if (page && !PyObject_GenericSetAttr(args[0], s__paramedic_id_, given) && has_room(page))
            put(page, (uint64_t)parent, (uint32_t)id, (uint32_t)stack, (uint32_t)number, self->numbers[0] + (uint32_t)op);
        else
            Py_CLEAR(given);
        Py_XDECREF(page);
    }
    if (given) return given;
    return must_go_on() ? NULL : PyObject_Vectorcall(ASK(self), args, flags, names);
}

/* Born(None, adopt, ends, failed)[thing] -> whether somebody is to look: it has neither got an id nor had one */
static PyObject *born(Probe *self, PyObject *thing) {
    int64_t known = number_at(thing, s__paramedic_id_);
    PyObject *frame = known == 0 ? caller_of() : NULL;
    if (frame) {
        PyObject *args[] = {thing, zero, zero, frame}, *given = PyObject_Vectorcall(ASK(self), args, 4, NULL);
        known = to_number(given, UINT32_MAX);
        PyObject *done = given;
        if (known > 0 && self->things[2] != Py_None) {
            PyObject *args[] = {thing, given};
            done = PyObject_Vectorcall(self->things[2], args, 2, NULL);
            Py_DECREF(given);
        }
        Py_DECREF(frame);
        if (!done && !(done = told(self->things[3]))) return NULL;
        Py_DECREF(done);
        return PyBool_FromLong(0);
    }
    return must_go_on() ? NULL : PyBool_FromLong(known <= 0);
}

/* EndOf(None, of, gone, kept)(thing, id): have `gone` called when it goes (record.ends) */
static PyObject *end_of(Probe *self, PyObject *const *args, size_t flags, PyObject *names) {
    if (!names && PyVectorcall_NARGS(flags) == 2 && PyDict_CheckExact(self->things[3])) {
        PyObject *weak = PyWeakref_NewRef(args[0], self->things[2]), *at = weak ? PyLong_FromVoidPtr(weak) : NULL;
        PyObject *both = at ? PyTuple_Pack(2, weak, args[1]) : NULL;
        int done = both && !PyDict_SetItem(self->things[3], at, both);
        Py_XDECREF(weak);
        Py_XDECREF(at);
        Py_XDECREF(both);
        if (done) Py_RETURN_NONE;
    }
    return must_go_on() ? NULL : PyObject_Vectorcall(ASK(self), args, flags, names);
}

/* Gone(current, gone, kept, last)(weak reference) */
static PyObject *gone(Probe *self, PyObject *const *args, size_t flags, PyObject *names) {
    if (!names && PyVectorcall_NARGS(flags) == 1 && PyDict_CheckExact(self->things[2])) {
        PyObject *at = PyLong_FromVoidPtr(args[0]), *both = at ? PyDict_GetItemWithError(self->things[2], at) : NULL;
        int64_t given = both && PyTuple_CheckExact(both) ? to_number(PyTuple_GET_ITEM(both, 1), UINT32_MAX) : -1;
        int done = store(CURRENT(self), 1, given, 0, 0, self->numbers[0]) && !PyDict_DelItem(self->things[2], at);
        Py_XDECREF(at);
        if (done) Py_RETURN_NONE;
    }
    return must_go_on() ? NULL : PyObject_Vectorcall(ASK(self), args, flags, names);
}

/* Confirmed(current, confirmed, asked, new_id, last, marks_event)[channel] = number at the peer */
static int confirmed(Probe *self, PyObject *channel, PyObject *chanid) {
    int64_t known = number_at(channel, s__paramedic_id_), peer = to_number(chanid, UINT32_MAX);
    if (known > 0) return 0;
    PyObject *transport = NULL, *over = NULL, *events = NULL, *number = NULL, *event = NULL, *given = NULL;
    int64_t window, over_id, number_id;
    int done = 0, by_us;
    if (!known && peer >= 0 && (transport = get(channel, s_transport)) &&
        (over = get(transport, s__paramedic_id_)) && (over_id = to_number(over, UINT32_MAX)) > 0 &&
        (number = get(channel, s_chanid)) && (number_id = to_number(number, UINT32_MAX)) >= 0 &&
        (events = get(transport, s_channel_events)) && (by_us = PySequence_Contains(events, number)) >= 0 &&
        (window = number_at(channel, s_in_window_size)) >= 0 && PySet_Contains(self->things[2], over) > 0 &&
        (!self->numbers[1] || (event = get(channel, s_status_event))) &&
        (given = PyObject_CallNoArgs(self->things[3])) &&
        store(CURRENT(self), (uint64_t)over_id | (uint64_t)(peer & 0x7FFFFFFF) << 32, to_number(given, UINT32_MAX),
              (uint32_t)window, (uint32_t)number_id, self->numbers[0] + !by_us))
        done = !PyObject_SetAttr(channel, s__paramedic_id_, given) &&
               (!event || !PyObject_SetAttr(event, s__paramedic_channel_, given));
    Py_XDECREF(transport);
    Py_XDECREF(over);
    Py_XDECREF(events);
    Py_XDECREF(number);
    Py_XDECREF(event);
    Py_XDECREF(given);
    return done ? 0 : ask_about(self, channel, chanid ? chanid : Py_None);
}

/* what a lock of a channel says; -1 with the error of one that does not say it, such as an RLock */
static int is_locked(PyObject *channel) {
    PyObject *lock = get(channel, s_lock), *answer = lock ? PyObject_CallMethodNoArgs(lock, s_locked) : NULL;
    int locked = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(lock);
    Py_XDECREF(answer);
    return locked;
}

/* ChannelEnds(current, None, last)[channel] -> whether somebody is to look; stores the row where nobody needs to */
static PyObject *channel_ends(Probe *self, PyObject *channel) {
    int64_t given = number_at(channel, s__paramedic_id_);
    int closed = given > 0 ? truth_at(channel, s_closed) : 0, sent_all = closed > 0 ? truth_at(channel, s_eof_sent) : 0;
    int locked = sent_all > 0 ? is_locked(channel) : 0;
    if (given < 0 || closed < 0 || sent_all < 0 || locked < 0) return must_go_on() ? NULL : Py_NewRef(Py_True);
    int stored = sent_all && !locked && store(CURRENT(self), 1, given, 0, 0, self->numbers[0]);
    return must_go_on() ? NULL : PyBool_FromLong(given && !stored);
}

/* FileEnds(None, None, unheld, stdin, streams)[file] -> how many refer to it if its end matters, else 0 */
static PyObject *file_ends(Probe *self, PyObject *file) {
    int64_t given = number_at(file, s__paramedic_id_), references = Py_REFCNT(file);
    if (given < 0) return must_go_on() ? NULL : PyLong_FromLong(0);
    int matters = given && (given < self->numbers[0] || given & 2);
    if (matters && (PyObject *)Py_TYPE(file) == self->things[3]) {
        int64_t unheld = number_at(self->things[2], s_references);
        if (must_go_on()) return NULL;
        if (references <= unheld) {
            PyObject *channel = get(file, s_channel);
            int sent_all = channel ? truth_at(channel, s_eof_sent) : -1, locked = sent_all > 0 ? is_locked(channel) : 0;
            Py_XDECREF(channel);
            if (must_go_on()) return NULL;
            matters = sent_all <= 0 || locked; /* also where that is not to be had */
        }
    }
    return PyLong_FromLongLong(matters ? references : 0);
}

/* Fed()[channel] -> whether it is to be noted how much of what has come for the program is unread (record.wire) */
static PyObject *fed(Probe *self, PyObject *channel) {
    PyObject *pipe = get(channel, s_in_buffer), *until = get(pipe, s__paramedic_quiet_);
    int64_t quiet_until = to_number(until, INT64_MAX);
    int matters = quiet_until < (int64_t)now_ns(); /* -1: it is not known */
    if (!matters) {
        PyObject *buffer = get(pipe, s__buffer);
        Py_ssize_t unread = buffer ? PyObject_Size(buffer) : -1;
        int64_t window = unread >= 0 ? number_at(channel, s_in_window_size) : -1;
        matters = window < 0 || unread > window >> 2;
        Py_XDECREF(buffer);
    }
    Py_XDECREF(until);
    Py_XDECREF(pipe);
    return must_go_on() ? NULL : PyBool_FromLong(matters);
}

/* ---- the types ---- */

#define PROBE(name, ...)                                                                                              \
    static PyTypeObject name##_Type = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "paramedic.trace._rows." #name,        \
                                       .tp_basicsize = sizeof(Probe),                                                 \
                                       .tp_new = probe_new,                                                           \
                                       .tp_dealloc = (destructor)probe_dealloc,                                       \
                                       .tp_traverse = (traverseproc)probe_traverse,                                   \
                                       .tp_clear = (inquiry)probe_clear,                                              \
                                       __VA_ARGS__}
#define PLAIN .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC
#define LOOKED_UP(name, does)                                                                                         \
    static PyMappingMethods name##_mapping = {.mp_subscript = (binaryfunc)does};                                       \
    PROBE(name, PLAIN, .tp_as_mapping = &name##_mapping)
#define SET(name, does)                                                                                               \
    static PyMappingMethods name##_mapping = {.mp_ass_subscript = (objobjargproc)does};                                \
    PROBE(name, PLAIN, .tp_as_mapping = &name##_mapping)
#define CALLED(name, does)                                                                                            \
    static PyObject *name##_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {                                \
        Probe *self = (Probe *)probe_new(type, args, kwargs);                                                          \
        if (self) self->call = (vectorcallfunc)does;                                                                   \
        return (PyObject *)self;                                                                                       \
    }                                                                                                                  \
    static PyTypeObject name##_Type = {                                                                                \
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "paramedic.trace._rows." #name,                                       \
        .tp_basicsize = sizeof(Probe),                                                                                 \
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,                              \
        .tp_new = name##_new,                                                                                          \
        .tp_dealloc = (destructor)probe_dealloc,                                                                       \
        .tp_traverse = (traverseproc)probe_traverse,                                                                   \
        .tp_clear = (inquiry)probe_clear,                                                                              \
        .tp_call = PyVectorcall_Call,                                                                                  \
        .tp_vectorcall_offset = offsetof(Probe, call)}

LOOKED_UP(Begin, begin);
PROBE(End, PLAIN);
CALLED(Row, row);
CALLED(Span, span);
CALLED(Walker, walk);
CALLED(Text, text);
CALLED(Enter, enter);
CALLED(Leave, leave);
CALLED(ThreadBegins, thread_begins);
CALLED(ThreadEnds, thread_ends);
CALLED(EndOf, end_of);
CALLED(Gone, gone);
CALLED(Adopt, adopt);
LOOKED_UP(Born, born);
LOOKED_UP(Received, received);
SET(Sent, sent);
SET(Requested, requested);
SET(Confirmed, confirmed);
LOOKED_UP(ChannelEnds, channel_ends);
LOOKED_UP(FileEnds, file_ends);
LOOKED_UP(Fed, fed);
static PyMappingMethods Inside_mapping = {.mp_subscript = (binaryfunc)inside};
PROBE(Inside, PLAIN, .tp_as_mapping = &Inside_mapping);
LOOKED_UP(CalledBy, called_by);

static PyTypeObject *types[] = {&Page_Type,     &Call_Type, &Begin_Type,     &End_Type,       &Row_Type,
                                &Span_Type,     &Walker_Type, &Text_Type, &Adopt_Type, &Born_Type,
                                &Received_Type, &Sent_Type, &Requested_Type, &Confirmed_Type, &ChannelEnds_Type, &FileEnds_Type, &Fed_Type, &Inside_Type, &CalledBy_Type,
                                &Enter_Type, &Leave_Type, &ThreadBegins_Type, &ThreadEnds_Type, &EndOf_Type, &Gone_Type};

/* without functions, or faulthandler would name the module in what it prints when the program dies (module objects of
 * which that is true are no extensions to it) */
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "paramedic.trace._rows", NULL, -1, NULL};

PyMODINIT_FUNC PyInit__rows(void) {
#define INTERN(name)                                                                                                  \
    if (!(s_##name = PyUnicode_InternFromString(#name))) return NULL;
    SYMBOLS(INTERN)
    getframe = PySys_GetObject("_getframe");
    if (!getframe) { /* borrowed, and no error is set: what is then left out is no more than an import */
        PyErr_SetString(PyExc_ImportError, "sys has no _getframe");
        return NULL;
    }
    Py_INCREF(getframe);
    if (!(zero = PyLong_FromLong(0)) || !(one = PyLong_FromLong(1))) return NULL;
    Inside_Type.tp_basicsize = sizeof(Inside);
    Inside_Type.tp_dealloc = (destructor)inside_dealloc;
    if (PyType_Ready(&Call_Type) || !(no_call = call_of(NULL, 0))) return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made && PyModule_AddIntConstant(made, "STATE", STATE)) Py_CLEAR(made);
    for (size_t i = 0; made && i < sizeof(types) / sizeof(*types); i++)
        if (PyModule_AddType(made, types[i])) Py_CLEAR(made);
    return made;
}
