//===- CpuTarget.cpp - instruction set that code is generated for -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/CpuTarget.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir::compress;

static bool hasAll(const llvm::StringMap<bool> &features, llvm::ArrayRef<llvm::StringRef> names) {
  return llvm::all_of(names, [&](llvm::StringRef name) { return features.lookup(name); });
}

static const llvm::StringRef kBaseFeatures[] = {"avx", "avx2", "fma", "f16c", "bmi", "bmi2"};
static const llvm::StringRef kAvx512Features[] = {"avx512f", "avx512bw", "avx512dq", "avx512vl"};

llvm::Expected<CpuTarget> CpuTarget::getHost() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  if (!hasAll(features, kBaseFeatures))
    return llvm::createStringError("this CPU lacks AVX2, FMA or F16C, which generated code needs");
  CpuTarget target;
  target.cpu = llvm::sys::getHostCPUName().str();
  llvm::SmallVector<std::string> enabled;
  for (const auto &feature : features)
    enabled.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(enabled);
  target.features = llvm::join(enabled, ",");
  target.avx512 = hasAll(features, kAvx512Features);
  target.vnni = target.avx512 && features.lookup("avx512vnni");
  return target;
}

llvm::Expected<CpuTarget> CpuTarget::parse(llvm::StringRef name) {
  if (name == "host")
    return getHost();
  CpuTarget target;
  target.cpu = "x86-64-v3";
  target.features = "+avx2,+fma,+f16c";
  if (name == "avx2")
    return target;
  if (name != "avx512" && name != "avx512vnni")
    return llvm::createStringError("expects a target of host, avx2, avx512 or avx512vnni, got '" +
                                   name + "'");
  target.cpu = "x86-64-v4";
  target.avx512 = true;
  target.vnni = name == "avx512vnni";
  target.features +=
      "," + ("+" + llvm::join(std::begin(kAvx512Features), std::end(kAvx512Features), ",+"));
  if (target.vnni)
    target.features += ",+avx512vnni";
  return target;
}

bool CpuTarget::runsOnHost() const {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  return hasAll(host, kBaseFeatures) && (!avx512 || hasAll(host, kAvx512Features)) &&
         (!vnni || host.lookup("avx512vnni"));
}
