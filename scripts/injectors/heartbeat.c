/* What a target of `scripts/bench inject` carries: a thread that notices when it does not get to run, and work in
 * malloc for threads that have released the GIL. The beat needs no GIL: it sees stops of the process, nothing else. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void *beat(void *longest)
{
    const struct timespec nap = {0, 200000};
    uint64_t before = now();
    for (;;) {
        nanosleep(&nap, NULL);
        uint64_t after = now();
        if (after - before > *(volatile uint64_t *)longest)
            *(volatile uint64_t *)longest = after - before;
        before = after;
    }
    return NULL;
}

/* Keeps the longest time between two beats, in nanoseconds, in *longest. */
void start_beat(void *longest)
{
    pthread_t thread;
    pthread_create(&thread, NULL, beat, longest);
}

/* Allocates and frees for some milliseconds. */
void allocate(void)
{
    uint64_t until = now() + 5000000u;
    void *kept[64] = {0};
    for (unsigned i = 0; now() < until; i++) {
        free(kept[i % 64]);
        kept[i % 64] = malloc(16 + i * 37 % 5000);
    }
    for (unsigned i = 0; i < 64; i++)
        free(kept[i]);
}
