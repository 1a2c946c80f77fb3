/* So many threads for one process beside its first as a file says, as with a limit of processes. The number goes down with
 * each that starts, and up with each that ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <threads.h>
#include <unistd.h>

static int64_t *left;

__attribute__((constructor)) static void open_left(void) {
    const char *path = getenv("THREADS_LEFT");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) left = mapped;
    close(file);
}

static int take(void) {
    if (__atomic_sub_fetch(left, 1, __ATOMIC_SEQ_CST) >= 0) return 1;
    __atomic_add_fetch(left, 1, __ATOMIC_SEQ_CST);
    return 0;
}

struct work {
    void *(*run)(void *);
    thrd_start_t run_c11;
    void *with;
};

static struct work begin(struct work *work) {
    struct work copy = *work;
    free(work);
    return copy;
}

static void *counted(void *given) {
    struct work work = begin(given);
    void *result = work.run(work.with);
    __atomic_add_fetch(left, 1, __ATOMIC_SEQ_CST);
    return result;
}

static int counted_c11(void *given) {
    struct work work = begin(given);
    int result = work.run_c11(work.with);
    __atomic_add_fetch(left, 1, __ATOMIC_SEQ_CST);
    return result;
}

static struct work *work(struct work given) {
    struct work *work = malloc(sizeof *work);
    if (!work) abort();
    *work = given;
    return work;
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict how, void *(*run)(void *), void *restrict with) {
    static int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!create) *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    if (!left) return create(thread, how, run, with);
    return take() ? create(thread, how, counted, work((struct work){.run = run, .with = with})) : EAGAIN;
}

int thrd_create(thrd_t *thread, thrd_start_t run, void *with) {
    static int (*create)(thrd_t *, thrd_start_t, void *);
    if (!create) *(void **)&create = dlsym(RTLD_NEXT, "thrd_create");
    if (!left) return create(thread, run, with);
    if (take()) return create(thread, counted_c11, work((struct work){.run_c11 = run, .with = with}));
    errno = EAGAIN;
    return thrd_error;
}
