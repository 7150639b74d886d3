/* Preloaded into a process: SIGKILL at the n-th of the calls by which it changes the world.
 *
 * Counted are fsync, fdatasync, pwrite, pwrite64, write, send and sendto, in order of time;
 * GATEHOUSE_DIE_AT says the number. It dies in the call: before what was asked is done, or
 * after it and before the caller knows, as the number is odd or even.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long done;
static long last;

__attribute__((constructor)) static void begin(void)
{
    const char *told = getenv("GATEHOUSE_DIE_AT");
    last = told ? atol(told) : 0;
    unsetenv("LD_PRELOAD"); /* Not for the processes that this one starts. */
}

static int dies(void)
{
    return last && atomic_fetch_add(&done, 1) + 1 == last;
}

#define COUNTED(type, name, parameters, arguments)                  \
    type name parameters                                            \
    {                                                               \
        static type(*real) parameters;                              \
        if (!real)                                                  \
            *(void **)&real = dlsym(RTLD_NEXT, #name);              \
        int now = dies();                                           \
        if (now && last % 2)                                        \
            kill(getpid(), SIGKILL);                                \
        type answer = real arguments;                               \
        if (now)                                                    \
            kill(getpid(), SIGKILL);                                \
        return answer;                                              \
    }

COUNTED(int, fsync, (int fd), (fd))
COUNTED(int, fdatasync, (int fd), (fd))
COUNTED(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
COUNTED(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
COUNTED(ssize_t, send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))
COUNTED(ssize_t, sendto,
        (int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length),
        (fd, data, size, flags, to, length))
COUNTED(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
