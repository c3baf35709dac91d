// Tells the thread sanitizer of Swift's Mutex (swift-6.3, module Synchronization, Linux).
//
// An uncontended lock is an atomic operation in our own, instrumented code, which the sanitizer sees. A contended one is taken
// and handed over by the kernel (FUTEX_LOCK_PI) inside the library, which is not instrumented: without a word on it the
// sanitizer holds whatever such a lock protects for a race. `scripts/sanitize` has the linker call these in between.
//
// Weak, since this is linked into every program, also into one that uses no Mutex.

#include <stdbool.h>
#include <stdint.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define WEAK __attribute__((weak))
#define SELF __attribute__((swift_context)) void *lock

WEAK SWIFT void real_lock(uint32_t thread, SELF) __asm__("__real_$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
WEAK SWIFT bool real_try_lock(SELF) __asm__("__real_$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF");
WEAK SWIFT void real_unlock(SELF) __asm__("__real_$s15Synchronization12_MutexHandleV11_unlockSlowyyF");

SWIFT void wrapped_lock(uint32_t thread, SELF)
    __asm__("__wrap_$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT bool wrapped_try_lock(SELF) __asm__("__wrap_$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF");
SWIFT void wrapped_unlock(SELF) __asm__("__wrap_$s15Synchronization12_MutexHandleV11_unlockSlowyyF");

SWIFT void wrapped_lock(uint32_t thread, SELF) {
    real_lock(thread, lock);
    __tsan_acquire(lock);
}

SWIFT bool wrapped_try_lock(SELF) {
    bool is_locked = real_try_lock(lock);
    if (is_locked) __tsan_acquire(lock);
    return is_locked;
}

SWIFT void wrapped_unlock(SELF) {
    __tsan_release(lock);
    real_unlock(lock);
}
