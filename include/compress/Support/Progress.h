//===- Progress.h - how far long work is ------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SUPPORT_PROGRESS_H
#define COMPRESS_SUPPORT_PROGRESS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace mlir::compress {

/// Tells people how far long work is: nothing in the first two seconds, then one line on a terminal
/// that is overwritten, or a line every ten seconds elsewhere, with the time that is left.
class Progress {
public:
  /// `Json` writes one object per line: task, step, steps, elapsed and remaining seconds.
  enum class Mode : uint8_t { Off, Plain, Json };
  /// The mode of the word `off`, `plain` or `json`.
  static std::optional<Mode> parseMode(llvm::StringRef text);

  Progress(Mode mode, llvm::raw_ostream &os) : mode(mode), os(os) {}

  /// Starts a task of `steps` steps.
  void begin(llvm::StringRef task, uint64_t steps);
  /// A step is done; `detail` says what comes now ("layer fc1"). From any thread.
  void step(llvm::StringRef detail = "");
  /// The task is done; ends the line.
  void end();

private:
  using Clock = std::chrono::steady_clock;
  void print(bool last);

  Mode mode;
  llvm::raw_ostream &os;
  std::mutex mutex;
  std::string task, detail;
  uint64_t steps = 0, done = 0;
  Clock::time_point start, printed;
  bool isLineOpen = false;
};

} // namespace mlir::compress

#endif // COMPRESS_SUPPORT_PROGRESS_H
