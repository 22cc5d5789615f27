//===- CompileMessages.h - what compilation says ---------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_EXECUTIONENGINE_COMPILEMESSAGES_H
#define COMPRESS_LIB_EXECUTIONENGINE_COMPILEMESSAGES_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"
#include <string>

namespace mlir {
namespace compress {

/// Errors of a context as text, while it lives.
class DiagnosticText {
public:
  explicit DiagnosticText(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
            return failure();
          add(diagnostic);
          return success();
        }) {}

  /// What was reported since the last call.
  std::string take() { return text.empty() ? "unknown error" : std::exchange(text, ""); }

private:
  void add(Diagnostic &diagnostic) {
    llvm::raw_string_ostream os(text);
    if (!text.empty())
      os << "\n";
    addPlace(os, diagnostic.getLocation());
    os << diagnostic;
    for (Diagnostic &note : diagnostic.getNotes())
      os << "\nnote: " << note;
  }

  /// A node's name, or a place in a file.
  static void addPlace(raw_ostream &os, Location loc) {
    if (auto name = dyn_cast<NameLoc>(loc))
      os << "node '" << name.getName().getValue() << "': ";
    else if (auto file = dyn_cast<FileLineColLoc>(loc))
      os << file.getFilename().getValue() << ":" << file.getLine() << ":" << file.getColumn()
         << ": ";
    else if (auto fused = dyn_cast<FusedLoc>(loc); fused && !fused.getLocations().empty())
      addPlace(os, fused.getLocations().front());
    else if (auto call = dyn_cast<CallSiteLoc>(loc))
      addPlace(os, call.getCallee());
  }

  std::string text;
  ScopedDiagnosticHandler handler;
};

/// Why nodes of ONNX stay as they are, by location. Collected while it lives, unless somebody else
/// collects remarks.
class OpaqueReasons {
public:
  explicit OpaqueReasons(MLIRContext *context) : context(context) {
    if (context->getRemarkEngine())
      return;
    remark::RemarkCategories categories;
    categories.missed = "normalize";
    auto engine =
        std::make_unique<remark::detail::RemarkEngine>(/*printAsEmitRemarks=*/false, categories);
    std::string message;
    if (succeeded(engine->initialize(std::make_unique<Streamer>(reasons),
                                     std::make_unique<remark::RemarkEmittingPolicyAll>(),
                                     &message))) {
      context->setRemarkEngine(std::move(engine));
      isInstalled = true;
    }
  }
  ~OpaqueReasons() {
    if (isInstalled)
      context->setRemarkEngine(nullptr);
  }

  /// "" if nothing is known.
  StringRef lookup(Location loc) const {
    auto found = reasons.find(loc);
    return found == reasons.end() ? StringRef() : StringRef(found->second);
  }

private:
  using Reasons = DenseMap<Location, std::string>;
  struct Streamer : public remark::detail::MLIRRemarkStreamerBase {
    explicit Streamer(Reasons &reasons) : reasons(reasons) {}
    void streamOptimizationRemark(const remark::detail::Remark &remark) override {
      std::string &reason = reasons[remark.getLocation()];
      reason.clear();
      for (const remark::detail::Remark::Arg &part : remark.getArgs())
        reason += part.val;
    }
    Reasons &reasons;
  };

  MLIRContext *context;
  Reasons reasons;
  bool isInstalled = false;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_EXECUTIONENGINE_COMPILEMESSAGES_H
