/* A program that embeds Python and runs one file: host FILE [ARGUMENT..]. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static void start(int argc, char **argv)
{
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0; /* the arguments are the script's, not Python's */
    PyStatus status = PyConfig_SetBytesArgv(&config, argc, argv);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE [ARGUMENT..]\n", argv[0]);
        return 2;
    }
    FILE *file = fopen(argv[1], "rb");
    if (!file) {
        perror(argv[1]);
        return 1;
    }
    start(argc - 1, argv + 1);
    int failed = PyRun_AnyFileEx(file, argv[1], 1) != 0;
    return Py_FinalizeEx() < 0 || failed;
}
