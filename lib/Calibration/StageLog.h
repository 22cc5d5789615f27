//===- StageLog.h - what is done of a sequential run ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A folder with a file `run` (the fingerprint of the run) and a file per stage
// that is done: what its steps gave for every weight. When the run is repeated,
// steps of these stages are not run; their outcomes are committed as they were,
// so that the module becomes the same.
//
// A stage file is the magic `CMPRSTG1`, the length of a JSON text (8 bytes,
// little endian), the text, the bytes of the new tensors, and a hash of all that.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CALIBRATION_STAGELOG_H
#define COMPRESS_LIB_CALIBRATION_STAGELOG_H

#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "llvm/Support/JSON.h"
#include <map>
#include <mutex>

namespace mlir {
namespace compress {

class StageLog {
public:
  /// Opens or makes the folder. Errors: a folder of another run, one that is not ours, files.
  static llvm::Expected<std::unique_ptr<StageLog>> open(StringRef folder, uint64_t fingerprint);

  /// Looks for the file of a stage. Errors: a file that is damaged.
  llvm::Error begin(size_t stage);
  /// Whether the stage has been done before.
  bool isReplay() const { return replay; }
  /// Runs `step` and keeps what it gives, or gives what was kept. From several threads.
  LogicalResult runStep(WeightStep step, WeightStore &store, const WeightTask &task,
                        WeightOutcome &outcome);
  /// Writes the file of the stage, whole or not at all.
  llvm::Error finish();

private:
  struct Record {
    llvm::json::Object description;
    std::string bytes;
  };
  std::string getPath(size_t stage) const;
  LogicalResult restore(const Record &record, WeightStore &store, const WeightTask &task,
                        WeightOutcome &outcome) const;

  std::string folder;
  size_t stage = 0;
  bool replay = false;
  std::mutex mutex;
  /// By name of the first op and of the weight.
  std::map<std::string, Record> records;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CALIBRATION_STAGELOG_H
