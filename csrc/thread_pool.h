// A process-wide team of threads that parks between images.
//
// OpenMP's default is to spin, which is ruinous when anything else runs on the machine. Here a waiting thread spins for
// a few microseconds, so that the steps of an image follow each other closely, and then sleeps.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace splat {

class ThreadPool;

// One thread's view of a job that several threads are doing together.
class Team {
  public:
    Team(ThreadPool* pool, int rank, int size) : pool_(pool), rank_(rank), size_(size) {}
    int rank() const { return rank_; }
    int size() const { return size_; }
    bool leads() const { return rank_ == 0; }
    // Waits until every thread of the team has come here. Throws if one of them has failed.
    void meet();

  private:
    ThreadPool* pool_;  // null for a team of one
    int rank_, size_;
};

class ThreadPool {
  public:
    using Job = std::function<void(Team&)>;

    // The pool of this process; a forked child gets its own.
    static ThreadPool& shared();

    // Runs `job` on `threads` threads, the caller among them, and rethrows what it throws. While another thread of the
    // process uses the pool, the caller does the job alone.
    void run(int threads, const Job& job);

  private:
    friend class Team;

    void take_part(int rank, int size, const Job& job);
    void hire(int threads);
    void work(int rank, unsigned jobs_before);
    void meet();
    void leave(std::exception_ptr error);
    template <class Condition>
    void wait(Condition condition);

    std::mutex in_use_;  // held by the thread that runs a job
    std::vector<std::thread> workers_;

    std::mutex state_;  // guards the writing of what follows
    std::condition_variable changed_;
    const Job* job_ = nullptr;
    int job_threads_ = 0;
    std::exception_ptr error_;
    std::atomic<bool> failed_{false};
    std::atomic<unsigned> jobs_{0};      // jobs started so far
    std::atomic<unsigned> meetings_{0};  // meetings held so far
    std::atomic<int> expected_{0};       // threads still on the job
    int arrived_ = 0;                    // of them, waiting in the current meeting
};

}  // namespace splat
