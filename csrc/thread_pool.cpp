#include "thread_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace splat {
namespace {

constexpr int SPINS = 300;  // about five microseconds

struct Abandoned {};  // thrown to leave a job in which another thread has failed

void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

std::atomic<ThreadPool*> shared_pool{nullptr};

}  // namespace

// Pools are never destroyed: at exit their threads sleep, and in a forked child they no longer exist.
ThreadPool& ThreadPool::shared() {
    ThreadPool* pool = shared_pool.load();
    if (pool) return *pool;
    ThreadPool* fresh = new ThreadPool;
    if (!shared_pool.compare_exchange_strong(pool, fresh)) {
        delete fresh;
        return *pool;
    }
#if defined(__unix__) || defined(__APPLE__)
    static std::once_flag once;
    std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { shared_pool.store(nullptr); }); });
#endif
    return *fresh;
}

template <class Condition>
void ThreadPool::wait(Condition condition) {
    for (int spin = 0; spin < SPINS; spin++) {
        if (condition()) return;
        pause();
    }
    std::unique_lock<std::mutex> lock(state_);
    changed_.wait(lock, condition);
}

void ThreadPool::run(int threads, const Job& job) {
    std::unique_lock<std::mutex> use(in_use_, std::try_to_lock);
    if (threads <= 1 || !use.owns_lock()) {
        Team alone(nullptr, 0, 1);
        return job(alone);
    }
    hire(threads - 1);
    {
        std::lock_guard<std::mutex> lock(state_);
        job_ = &job;
        job_threads_ = threads = std::min(threads, static_cast<int>(workers_.size()) + 1);
        failed_ = false;
        expected_ = threads;
        arrived_ = 0;
        jobs_++;
    }
    changed_.notify_all();
    take_part(0, threads, job);
    wait([this] { return expected_ == 0; });
    if (std::exception_ptr error = std::exchange(error_, nullptr)) std::rethrow_exception(error);
}

void ThreadPool::hire(int threads) {
    try {
        while (static_cast<int>(workers_.size()) < threads)
            workers_.emplace_back(&ThreadPool::work, this, static_cast<int>(workers_.size()) + 1, jobs_.load());
    } catch (const std::system_error&) {
        // The machine has no more threads to give: work with those that are there.
    }
}

void ThreadPool::take_part(int rank, int size, const Job& job) {
    Team team(this, rank, size);
    try {
        job(team);
        leave(nullptr);
    } catch (const Abandoned&) {
        leave(nullptr);
    } catch (...) {
        leave(std::current_exception());
    }
}

void ThreadPool::work(int rank, unsigned jobs_before) {
    while (true) {
        wait([&] { return jobs_ != jobs_before; });
        const Job* job = nullptr;
        int size;
        {
            std::lock_guard<std::mutex> lock(state_);
            jobs_before = jobs_;
            size = job_threads_;
            if (rank < size) job = job_;
        }
        if (job) take_part(rank, size, *job);
    }
}

void ThreadPool::meet() {
    unsigned meeting;
    {
        std::lock_guard<std::mutex> lock(state_);
        meeting = meetings_;
        if (++arrived_ == expected_) {
            arrived_ = 0;
            meetings_++;
        }
    }
    if (meetings_ != meeting)
        changed_.notify_all();
    else
        wait([&] { return meetings_ != meeting; });
    if (failed_) throw Abandoned{};
}

void ThreadPool::leave(std::exception_ptr error) {
    {
        std::lock_guard<std::mutex> lock(state_);
        if (error && !error_) error_ = error;
        if (error) failed_ = true;
        expected_--;
        if (arrived_ > 0 && arrived_ == expected_) {  // the others are waiting for nobody else
            arrived_ = 0;
            meetings_++;
        }
    }
    changed_.notify_all();
}

void Team::meet() {
    if (pool_) pool_->meet();
}

}  // namespace splat
