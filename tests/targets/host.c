/* A program that embeds what it is told to, step by step: host STEP..
 *
 *   env:NAME=VALUE   set in the environment
 *   open:LIBRARY     load it, apart from all others; the steps that follow are about it
 *   again:LIBRARY    as open, but in a namespace of its own, so that the same file is loaded twice
 *   init, sub, final Py_InitializeEx, Py_NewInterpreter, Py_FinalizeEx or Py_Finalize
 *   ready            print READY and wait for a line
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *library;

static void *find(const char *name)
{
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return found;
}

static void load(void *opened)
{
    library = opened;
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
}

static void ready(void)
{
    puts("READY");
    fflush(stdout);
    for (int c = getchar(); c != '\n'; c = getchar())
        if (c == EOF)
            exit(0);
}

static void step(char *what)
{
    char *value = strchr(what, ':');
    if (value)
        *value++ = 0;
    if (!strcmp(what, "env"))
        putenv(value);
    else if (!strcmp(what, "open"))
        load(dlopen(value, RTLD_NOW | RTLD_LOCAL));
    else if (!strcmp(what, "again"))
        load(dlmopen(LM_ID_NEWLM, value, RTLD_NOW | RTLD_LOCAL));
    else if (!strcmp(what, "init"))
        ((void (*)(int))find("Py_InitializeEx"))(0);
    else if (!strcmp(what, "sub"))
        ((void *(*)(void))find("Py_NewInterpreter"))();
    else if (!strcmp(what, "final"))
        ((void (*)(void))find("Py_Finalize"))();
    else if (!strcmp(what, "ready"))
        ready();
    else
        exit(2);
}

int main(int count, char **words)
{
    for (int i = 1; i < count; i++)
        step(words[i]);
    return 0;
}
