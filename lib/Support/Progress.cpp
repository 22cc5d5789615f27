//===- Progress.cpp - how far long work is ---------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/Progress.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

using namespace mlir::compress;

/// Seconds without a word at the start, between lines in a file, and on a terminal.
static constexpr double kQuiet = 2, kLineInterval = 10, kTerminalInterval = 0.2;

static double toSeconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

std::optional<Progress::Mode> Progress::parseMode(llvm::StringRef text) {
  return llvm::StringSwitch<std::optional<Mode>>(text)
      .Case("off", Mode::Off)
      .Case("plain", Mode::Plain)
      .Case("json", Mode::Json)
      .Default(std::nullopt);
}

void Progress::begin(llvm::StringRef name, uint64_t count) {
  std::lock_guard lock(mutex);
  task = name.str();
  detail.clear();
  steps = count;
  done = 0;
  isLineOpen = false;
  start = printed = Clock::now();
}

void Progress::step(llvm::StringRef text) {
  std::lock_guard lock(mutex);
  ++done;
  detail = text.str();
  if (mode == Mode::Off)
    return;
  Clock::time_point now = Clock::now();
  bool isTerminal = mode == Mode::Plain && os.is_displayed();
  double interval = isTerminal ? kTerminalInterval : kLineInterval;
  bool isFirst = printed == start;
  if (toSeconds(now - start) < kQuiet || (!isFirst && toSeconds(now - printed) < interval))
    return;
  printed = now;
  print(/*last=*/false);
}

void Progress::end() {
  std::lock_guard lock(mutex);
  // Short work that has said nothing stays silent.
  if (mode != Mode::Off && printed != start)
    print(/*last=*/true);
}

void Progress::print(bool last) {
  double elapsed = toSeconds(Clock::now() - start);
  double remaining = done && steps > done
                         ? elapsed / static_cast<double>(done) * static_cast<double>(steps - done)
                         : 0;
  if (mode == Mode::Json) {
    llvm::json::OStream json(os);
    json.object([&] {
      json.attribute("task", llvm::json::fixUTF8(task));
      json.attribute("step", done);
      json.attribute("steps", steps);
      json.attribute("elapsed", elapsed);
      json.attribute("remaining", remaining);
      if (!detail.empty())
        json.attribute("detail", llvm::json::fixUTF8(detail));
    });
    os << "\n";
    os.flush();
    return;
  }
  bool isTerminal = os.is_displayed();
  if (isTerminal)
    os << "\r\033[K";
  os << task << ": " << done << "/" << steps;
  if (!detail.empty())
    os << ", " << detail;
  if (last)
    os << llvm::format(", %.0f s", elapsed);
  else
    os << llvm::format(", about %.0f s left", remaining);
  isLineOpen = isTerminal && !last;
  if (!isLineOpen)
    os << "\n";
  os.flush();
}
