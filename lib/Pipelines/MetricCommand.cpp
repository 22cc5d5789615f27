//===- MetricCommand.cpp - a metric that a command prints -----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Pipelines/AccuracyGate.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Errno.h"
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char **environ;

using namespace mlir::compress;

namespace {
constexpr size_t kMaxOutput = size_t(1) << 20;
using Clock = std::chrono::steady_clock;
} // namespace

/// A word for the shell: in quotes, with quotes inside of it outside of them.
static std::string quoteForShell(llvm::StringRef text) {
  std::string quoted = "'";
  for (char c : text)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// `command` with the model's path in it; empty if there is no place for it.
static std::string insertModel(llvm::StringRef command, llvm::StringRef model) {
  static constexpr llvm::StringLiteral placeholder = "{model}";
  std::string text;
  bool isFound = false;
  while (true) {
    auto [before, after] = command.split(placeholder);
    text += before;
    if (before.size() == command.size())
      return isFound ? text : std::string();
    isFound = true;
    text += quoteForShell(model);
    command = after;
  }
}

/// Ends the group of a process that is still there, and waits for it.
static void endGroup(pid_t child) {
  ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
}

/// Starts the shell in a process group of its own, with its output in `writeEnd`.
static int startShell(const std::string &text, int readEnd, int writeEnd, pid_t &child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  auto release = llvm::scope_exit([&] {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  });
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, writeEnd, STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, readEnd);
  posix_spawn_file_actions_addclose(&actions, writeEnd);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  const char *arguments[] = {"/bin/sh", "-c", text.c_str(), nullptr};
  return ::posix_spawn(&child, "/bin/sh", &actions, &attributes,
                       const_cast<char *const *>(arguments), environ);
}

/// Milliseconds until `end`, for `poll`; -1 without a limit.
static int getTimeLeft(bool isLimited, Clock::time_point end) {
  if (!isLimited)
    return -1;
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
  return int(std::clamp<int64_t>(left, 0, 1'000'000'000));
}

llvm::Expected<double> mlir::compress::runMetricCommand(llvm::StringRef command,
                                                        llvm::StringRef model,
                                                        unsigned timeoutSeconds) {
  auto fail = [&](const llvm::Twine &message) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "metric command '" + command + "' " + message);
  };
  std::string text = insertModel(command, model);
  if (text.empty())
    return fail("has no place for the model: expects {model} in it");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail("cannot be started: " + llvm::sys::StrError());
  pid_t child = -1;
  int code = startShell(text, ends[0], ends[1], child);
  ::close(ends[1]);
  auto closePipe = llvm::scope_exit([&] { ::close(ends[0]); });
  if (code != 0)
    return fail("cannot be started: " + llvm::sys::StrError(code));

  std::string output;
  Clock::time_point end = Clock::now() + std::chrono::seconds(timeoutSeconds);
  auto failLate = [&] {
    return fail("took more than " + llvm::Twine(timeoutSeconds) + " seconds (--metric-timeout)");
  };
  for (char buffer[4096];;) {
    pollfd poll{ends[0], POLLIN, 0};
    int ready = ::poll(&poll, 1, getTimeLeft(timeoutSeconds != 0, end));
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready <= 0) {
      endGroup(child);
      return failLate();
    }
    ssize_t size = ::read(ends[0], buffer, sizeof buffer);
    if (size < 0 && errno == EINTR)
      continue;
    if (size <= 0)
      break;
    output.append(buffer, size);
    if (output.size() > kMaxOutput) {
      endGroup(child);
      return fail("prints more than 1 MiB");
    }
  }
  // It has closed its output; it may still run.
  int status = 0;
  for (auto pause = std::chrono::milliseconds(1);;) {
    pid_t ended = ::waitpid(child, &status, timeoutSeconds != 0 ? WNOHANG : 0);
    if (ended == child)
      break;
    if (ended < 0 && errno != EINTR)
      return fail("was lost: " + llvm::sys::StrError());
    if (timeoutSeconds != 0 && Clock::now() >= end) {
      endGroup(child);
      return failLate();
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
  }
  if (WIFSIGNALED(status))
    return fail("was ended by signal " + llvm::Twine(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0)
    return fail("failed with exit code " + llvm::Twine(WEXITSTATUS(status)));
  llvm::Expected<double> metric = parseMetric(output);
  if (!metric)
    return fail(llvm::toString(metric.takeError()));
  return metric;
}
