/* Records what a process does to the files below one folder, so that a power cut can be played later.
 *
 * Loaded by LD_PRELOAD. GATEHOUSE_RECORD_ROOT is the folder, GATEHOUSE_RECORD_FILE the recording.
 * Each record is a head (op, inode, offset, two lengths; little-endian, unpadded) and two strings.
 * Opening "<root>/.mark/<text>" records the text and fails: the recorded program says so what it
 * has promised by then. Shared memory (SQLite's -shm) is not recorded: a power cut takes it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 4096

static int recording = -1;
static char root[PATH_MAX];
static size_t root_length;
static ino_t inodes[FILES];
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv("GATEHOUSE_RECORD_ROOT"), *file = getenv("GATEHOUSE_RECORD_FILE");
    if (!folder || !file)
        return;
    strncpy(root, folder, sizeof root - 1);
    root_length = strlen(root);
    recording = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void record(char op, uint64_t inode, uint64_t offset, const void *first, uint32_t first_length,
                   const char *second)
{
    uint32_t second_length = second ? strlen(second) : 0;
    unsigned char head[25];
    if (recording < 0)
        return;
    head[0] = op;
    memcpy(head + 1, &inode, 8);
    memcpy(head + 9, &offset, 8);
    memcpy(head + 17, &first_length, 4);
    memcpy(head + 21, &second_length, 4);
    struct iovec parts[3] = {{head, sizeof head}, {(void *)first, first_length}, {(void *)second, second_length}};
    pthread_mutex_lock(&one);
    if (syscall(SYS_writev, recording, parts, 3) < 0)
        abort();
    pthread_mutex_unlock(&one);
}

static const char *below(int folder, const char *path, char *whole)
{
    if (recording < 0)
        return NULL;
    if (path[0] == '/')
        strncpy(whole, path, PATH_MAX - 1);
    else {
        char link[64], at[PATH_MAX];
        ssize_t length;
        if (folder == AT_FDCWD)
            length = getcwd(at, sizeof at) ? (ssize_t)strlen(at) : -1;
        else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            length = readlink(link, at, sizeof at - 1);
        }
        if (length < 0)
            return NULL;
        at[length] = 0;
        if ((size_t)snprintf(whole, PATH_MAX, "%s/%s", at, path) >= PATH_MAX)
            return NULL;
    }
    if (strncmp(whole, root, root_length) || (whole[root_length] && whole[root_length] != '/'))
        return NULL;
    return whole[root_length] ? whole + root_length + 1 : "";
}

static ino_t tracked(int handle) { return handle >= 0 && handle < FILES ? inodes[handle] : 0; }

static int opened(int folder, const char *path, int flags, mode_t mode)
{
    char whole[PATH_MAX] = "";
    const char *name = below(folder, path, whole);
    struct stat found;
    if (name && !strncmp(name, ".mark/", 6)) {
        record('K', 0, 0, name + 6, strlen(name + 6), NULL);
        errno = ENOENT;
        return -1;
    }
    int new = name && (flags & O_CREAT) && fstatat(folder, path, &found, 0) < 0;
    int handle = syscall(SYS_openat, folder, path, flags, mode);
    if (handle < 0 || handle >= FILES)
        return handle;
    inodes[handle] = 0;
    if (!name || fstat(handle, &found) < 0)
        return handle;
    size_t length = strlen(name);
    if (length > 4 && !strcmp(name + length - 4, "-shm"))
        return handle;
    inodes[handle] = found.st_ino;
    if (S_ISDIR(found.st_mode))
        record('O', found.st_ino, 0, name, length, NULL);
    else if (new)
        record('C', found.st_ino, 0, name, length, NULL);
    else if (flags & O_TRUNC)
        record('T', found.st_ino, 0, NULL, 0, NULL);
    return handle;
}

#define MODE                                                                                           \
    mode_t mode = 0;                                                                                   \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                                             \
        va_list rest;                                                                                  \
        va_start(rest, flags);                                                                         \
        mode = va_arg(rest, mode_t);                                                                   \
        va_end(rest);                                                                                  \
    }

int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE return opened(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE return opened(folder, path, flags | O_LARGEFILE, mode); }

int close(int handle)
{
    if (handle >= 0 && handle < FILES)
        inodes[handle] = 0;
    return syscall(SYS_close, handle);
}

ssize_t write(int handle, const void *data, size_t count)
{
    ssize_t done = syscall(SYS_write, handle, data, count);
    if (done > 0 && tracked(handle))
        record('W', tracked(handle), lseek(handle, 0, SEEK_CUR) - done, data, done, NULL);
    return done;
}

ssize_t pwrite64(int handle, const void *data, size_t count, off64_t offset)
{
    ssize_t done = syscall(SYS_pwrite64, handle, data, count, offset);
    if (done > 0 && tracked(handle))
        record('W', tracked(handle), offset, data, done, NULL);
    return done;
}
ssize_t pwrite(int handle, const void *data, size_t count, off_t offset) { return pwrite64(handle, data, count, offset); }

/* What nothing in the store uses; should that change, the recording must not be silently wrong. */
#define NOT_RECORDED(name, type, arguments)                                                            \
    type name arguments { if (tracked(handle)) abort(); errno = ENOSYS; return -1; }
NOT_RECORDED(pwritev, ssize_t, (int handle, const struct iovec *parts, int count, off_t offset))
NOT_RECORDED(copy_file_range, ssize_t, (int from, off64_t *at, int handle, off64_t *to, size_t count, unsigned flags))
NOT_RECORDED(sendfile, ssize_t, (int handle, int from, off_t *at, size_t count))
NOT_RECORDED(sendfile64, ssize_t, (int handle, int from, off64_t *at, size_t count))

int ftruncate64(int handle, off64_t size)
{
    int done = syscall(SYS_ftruncate, handle, size);
    if (!done && tracked(handle))
        record('T', tracked(handle), size, NULL, 0, NULL);
    return done;
}
int ftruncate(int handle, off_t size) { return ftruncate64(handle, size); }

static int synced(int handle, int number)
{
    int done = syscall(number, handle);
    if (!done && tracked(handle))
        record('S', tracked(handle), 0, NULL, 0, NULL);
    return done;
}
int fsync(int handle) { return synced(handle, SYS_fsync); }
int fdatasync(int handle) { return synced(handle, SYS_fdatasync); }

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    char whole[PATH_MAX] = "", other[PATH_MAX] = "";
    const char *name = below(from_folder, from, whole), *target = below(to_folder, to, other);
    int done = syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
    if (done)
        return done;
    if (name && target)
        record('R', 0, 0, name, strlen(name), target);
    else if (target) { /* A finished file from outside: all of it is there, none of it is synced. */
        static const struct stat none;
        struct stat found = none;
        int handle = syscall(SYS_openat, to_folder, to, O_RDONLY | O_CLOEXEC);
        char *content;
        if (handle < 0 || fstat(handle, &found) || !(content = malloc(found.st_size + 1)) ||
            syscall(SYS_read, handle, content, found.st_size) != found.st_size)
            abort();
        syscall(SYS_close, handle);
        record('C', found.st_ino, 0, target, strlen(target), NULL);
        record('W', found.st_ino, 0, content, found.st_size, NULL);
        free(content);
    }
    return done;
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int unlinkat(int folder, const char *path, int flags)
{
    char whole[PATH_MAX] = "";
    const char *name = below(folder, path, whole);
    int done = syscall(SYS_unlinkat, folder, path, flags);
    if (!done && name)
        record(flags & AT_REMOVEDIR ? 'X' : 'U', 0, 0, name, strlen(name), NULL);
    return done;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t mode)
{
    char whole[PATH_MAX] = "";
    const char *name = below(folder, path, whole);
    int done = syscall(SYS_mkdirat, folder, path, mode);
    if (!done && name)
        record('M', 0, 0, name, strlen(name), NULL);
    return done;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int symlinkat(const char *target, int folder, const char *path)
{
    char whole[PATH_MAX] = "";
    const char *name = below(folder, path, whole);
    int done = syscall(SYS_symlinkat, target, folder, path);
    if (!done && name)
        record('L', 0, 0, name, strlen(name), target);
    return done;
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }
