/* A recording's rows to events, as paramedic.trace.rows.Decoder does it in Python; _decoder.pyi says what each piece is.
 * Without it reading is an eighth of an analysis. The observed program does not import this.
 *
 * Threads: all hold the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <stddef.h>
#include <stdint.h>

#if defined(Py_GIL_DISABLED) || PY_BIG_ENDIAN
#error "Python does it: the one has no lock that all hold, in the other the bytes of a number are the other way round"
#endif

#define FORM 1 /* goes up with each change of what is given or told: paramedic.trace.rows leaves out what was built before */

typedef struct { /* paramedic.trace.layout.ROW */
    uint64_t t_ns;
    int64_t a;
    uint32_t obj, site, b;
    uint16_t op;
    uint8_t flags, kind;
} Row;
_Static_assert(sizeof(Row) == 32, "paramedic.trace.layout.ROW_BYTES");

enum { DAMAGED, EMPTY, PLAIN, NAMES_OPERATION, SPAN, LATER, RETURN, OPENED, OWNER }; /* paramedic.trace.rows.Meaning */

typedef struct {
    PyObject_HEAD
    unsigned char meanings[256];
    uint32_t operations, new_channel, new_stream, brings_streams, first_stream, ended_otherwise;
    uint32_t call, returned, new, link, state, window, remote_channel; /* numbers of kinds and states */
    Py_ssize_t damaged;
} Decoder;

static PyObject *decoder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    const char *meanings;
    Py_ssize_t size;
    unsigned int n[13];
    if (!PyArg_ParseTuple(args, "y#(IIIIII)(IIIIIII):Decoder", &meanings, &size, n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6,
                          n + 7, n + 8, n + 9, n + 10, n + 11, n + 12))
        return NULL;
    if (size != 256) {
        PyErr_SetString(PyExc_ValueError, "each kind has a meaning");
        return NULL;
    }
    Decoder *self = (Decoder *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    memcpy(self->meanings, meanings, 256);
    self->operations = n[0], self->new_channel = n[1], self->new_stream = n[2], self->brings_streams = n[3];
    self->first_stream = n[4], self->ended_otherwise = n[5];
    self->call = n[6], self->returned = n[7], self->new = n[8], self->link = n[9], self->state = n[10];
    self->window = n[11], self->remote_channel = n[12];
    return (PyObject *)self;
}

static void decoder_dealloc(PyObject *self) { Py_TYPE(self)->tp_free(self); }

/* One event more; below 0 with an error set. */
static int tell(PyObject *events, uint64_t t_ns, int64_t a, int64_t obj, uint32_t site, int64_t b, uint32_t op,
                PyObject *thread, uint32_t kind) {
    PyObject *event = PyTuple_New(8);
    if (!event) return -1;
    PyTuple_SET_ITEM(event, 0, PyLong_FromUnsignedLongLong(t_ns));
    PyTuple_SET_ITEM(event, 1, PyLong_FromLongLong(a));
    PyTuple_SET_ITEM(event, 2, PyLong_FromLongLong(obj));
    PyTuple_SET_ITEM(event, 3, PyLong_FromUnsignedLong(site));
    PyTuple_SET_ITEM(event, 4, PyLong_FromLongLong(b));
    PyTuple_SET_ITEM(event, 5, PyLong_FromUnsignedLong(op));
    PyTuple_SET_ITEM(event, 6, Py_NewRef(thread));
    PyTuple_SET_ITEM(event, 7, PyLong_FromUnsignedLong(kind));
    int failed = PyErr_Occurred() ? -1 : PyList_Append(events, event);
    Py_DECREF(event);
    return failed;
}

static int tell_returned(const Decoder *self, PyObject *events, uint64_t t_ns, const Row *row, PyObject *thread) {
    int64_t result = row->b;
    if (result && row->op == self->brings_streams && self->brings_streams) {
        int64_t channel = (result - (int64_t)self->first_stream) >> 2;
        for (int stream = 0; stream < 3; stream++)
            if (tell(events, t_ns, channel, result + stream, 0, stream, self->new_stream, thread, self->new)) return -1;
        result = 0;
    }
    return tell(events, t_ns, result, row->obj, 0, 0, row->op, thread, self->returned);
}

static int tell_opened(const Decoder *self, PyObject *events, const Row *row, PyObject *thread) {
    uint64_t t = row->t_ns;
    return tell(events, t, 0, row->obj, 0, row->b, self->new_channel, thread, self->new) ||
                   tell(events, t, row->a & 0xFFFFFFFF, row->obj, 0, row->b, row->op, thread, self->link) ||
                   tell(events, t, row->site, row->obj, 0, 0, self->window, thread, self->state) ||
                   tell(events, t, row->a >> 32, row->obj, 0, row->b, self->remote_channel, thread, self->state)
               ? -1
               : 0;
}

static int tell_result(const Decoder *self, PyObject *events, const Row *row, PyObject *thread) {
    int64_t a = row->a, b = row->b;
    if (a > 0 && row->op == self->brings_streams && self->brings_streams) { /* written by earlier versions */
        for (int stream = 0; stream < 3; stream++)
            if (tell(events, row->t_ns, b, a + stream, 0, stream, self->new_stream, thread, self->new)) return -1;
        a = b = 0;
    }
    return tell(events, row->t_ns, a, row->obj, row->site, b, row->op, thread, row->kind);
}

static PyObject *decode(Decoder *self, PyObject *const *args, Py_ssize_t count) {
    if (count != 6 || !PyList_Check(args[2]) || !PyList_Check(args[4]) ||
        !(args[5] == Py_None || PyDict_Check(args[5])))
        return PyErr_Format(PyExc_TypeError, "decode(rows, thread, events: list, until_ns, later: list, going: dict | None)");
    PyObject *events = args[2], *later = args[4], *going = args[5];
    uint64_t until_ns = PyLong_AsUnsignedLongLong(args[3]);
    int always = 0; /* a moment that no row can name */
    if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return NULL;
        PyErr_Clear();
        always = 1;
    }
    Py_buffer view;
    if (PyObject_GetBuffer(args[0], &view, PyBUF_SIMPLE)) return NULL;
    PyObject *thread = Py_NewRef(args[1]);
    Py_ssize_t rows = view.len / (Py_ssize_t)sizeof(Row);
    int failed = 0;
    for (Py_ssize_t place = 0; place < rows && !failed; place++) {
        Row row; /* copied: the bytes may begin anywhere */
        memcpy(&row, (const char *)view.buf + place * (Py_ssize_t)sizeof(Row), sizeof(Row));
        int is_known = row.op < self->operations;
        switch (self->meanings[row.kind]) {
        case EMPTY: break;
        case NAMES_OPERATION:
            if (!is_known) {
                self->damaged++;
                break;
            } /* fall through */
        case PLAIN:
            failed = tell(events, row.t_ns, row.a, row.obj, row.site, row.b, row.op, thread, row.kind);
            break;
        case SPAN:
        case LATER:
            if (!is_known) {
                self->damaged++;
                break;
            }
            if (self->meanings[row.kind] == SPAN)
                failed = tell(events, row.t_ns, (int64_t)row.flags - 1, row.obj, row.site, 0, row.op, thread, self->call);
            if (failed) break;
            if (row.a > (int64_t)self->ended_otherwise) {
                uint64_t ended = (uint64_t)row.a > row.t_ns ? (uint64_t)row.a : row.t_ns + 1;
                failed = tell_returned(self, always || ended < until_ns ? events : later, ended, &row, thread);
            } else if (!row.a && going != Py_None) {
                PyObject *key = PyLong_FromSsize_t(place);
                failed = key ? PyDict_SetItem(going, key, thread) : -1;
                Py_XDECREF(key);
            }
            break;
        case RETURN:
            if (is_known)
                failed = tell_result(self, events, &row, thread);
            else
                self->damaged++;
            break;
        case OPENED: failed = tell_opened(self, events, &row, thread); break;
        case OWNER: {
            PyObject *owner = PyLong_FromLongLong(row.a);
            if (!owner) {
                failed = -1;
                break;
            }
            Py_SETREF(thread, owner);
            break;
        }
        default: self->damaged++;
        }
    }
    PyBuffer_Release(&view);
    if (failed) Py_CLEAR(thread);
    return thread;
}

static PyMethodDef decoder_methods[] = {{"decode", (PyCFunction)(void (*)(void))decode, METH_FASTCALL, NULL}, {NULL}};
static PyMemberDef decoder_members[] = {{"damaged", T_PYSSIZET, offsetof(Decoder, damaged), READONLY, NULL}, {NULL}};

static PyTypeObject Decoder_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "paramedic.trace._decoder.Decoder",
    .tp_basicsize = sizeof(Decoder),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = decoder_new,
    .tp_dealloc = decoder_dealloc,
    .tp_methods = decoder_methods,
    .tp_members = decoder_members,
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "paramedic.trace._decoder", NULL, -1, NULL};

PyMODINIT_FUNC PyInit__decoder(void) {
    PyObject *made = PyModule_Create(&module);
    if (made && (PyModule_AddIntConstant(made, "FORM", FORM) || PyModule_AddType(made, &Decoder_Type))) Py_CLEAR(made);
    return made;
}
