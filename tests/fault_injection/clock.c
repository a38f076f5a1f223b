/* Preloaded into a node: its wall clock runs as many seconds ahead as the file named by
 * FAULTS_CLOCK says, a 64-bit number in the machine's byte order, which may change at any time.
 * Other clocks, such as the one that measures how long to sleep, are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

typedef int (*gettime)(clockid_t, struct timespec *);

static gettime real;
static const volatile int64_t *ahead;

__attribute__((constructor)) static void prepare(void)
{
    const char *name = getenv("FAULTS_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *shared = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);

    real = (gettime)dlsym(RTLD_NEXT, "clock_gettime");
    ahead = shared == MAP_FAILED ? NULL : shared;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!real)
        real = (gettime)dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, now);
    if (status == 0 && ahead && clock == CLOCK_REALTIME)
        now->tv_sec += *ahead;
    return status;
}
