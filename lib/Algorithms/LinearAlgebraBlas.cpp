//===- LinearAlgebraBlas.cpp - a BLAS that is loaded when needed ---------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Row-major matrices are the transposes of what the Fortran interface sees:
// a lower factor here is an upper one there, and a product has its operands
// swapped.
//
//===----------------------------------------------------------------------===//

#include "LinearAlgebraBackend.h"
#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <new>
#include <optional>

using namespace mlir::compress::linalg_backend;

namespace {

/// The Fortran functions that we call. Lengths of character arguments come last, as size_t.
template <typename T>
struct Functions {
  using Gemm = void (*)(const char *, const char *, const int *, const int *, const int *,
                        const T *, const T *, const int *, const T *, const int *, const T *, T *,
                        const int *, size_t, size_t);
  using Factor = void (*)(const char *, const int *, T *, const int *, int *, size_t);
  using Invert = void (*)(const char *, const char *, const int *, T *, const int *, int *, size_t,
                          size_t);
  using Solve = void (*)(const char *, const char *, const char *, const char *, const int *,
                         const int *, const T *, const T *, const int *, T *, const int *, size_t,
                         size_t, size_t, size_t);
  using Eigen = void (*)(const char *, const char *, const int *, T *, const int *, T *, T *,
                         const int *, int *, const int *, int *, size_t, size_t);
  using Svd = void (*)(const char *, const int *, const int *, T *, const int *, T *, T *,
                       const int *, T *, const int *, T *, const int *, int *, int *, size_t);
  using FactorLq = void (*)(const int *, const int *, T *, const int *, T *, T *, const int *,
                            int *);
  using FormQ = void (*)(const int *, const int *, const int *, T *, const int *, const T *, T *,
                         const int *, int *);
  Gemm gemm;
  Factor potrf, potri;
  Invert trtri;
  Solve trsm;
  Eigen syevd;
  Svd gesdd;
  FactorLq gelqf;
  FormQ orglq;
};

/// Set once, before the first call.
template <typename T>
Functions<T> functions;

template <typename T>
void gemm(bool transposeA, bool transposeB, int m, int n, int k, T alpha, const T *a, int lda,
          const T *b, int ldb, T beta, T *c, int ldc) {
  functions<T>.gemm(transposeB ? "T" : "N", transposeA ? "T" : "N", &n, &m, &k, &alpha, b, &ldb, a,
                    &lda, &beta, c, &ldc, 1, 1);
}

template <typename T>
int64_t potrf(int n, T *a) {
  int info = 0;
  functions<T>.potrf("U", &n, a, &n, &info, 1);
  return info;
}

template <typename T>
int64_t potri(int n, T *a) {
  int info = 0;
  functions<T>.potri("U", &n, a, &n, &info, 1);
  return info;
}

template <typename T>
int64_t trtri(int n, T *a) {
  int info = 0;
  functions<T>.trtri("U", "N", &n, a, &n, &info, 1, 1);
  return info;
}

template <typename T>
void trsm(bool transposed, int n, int columns, const T *l, T *b) {
  T one = 1;
  functions<T>.trsm("R", "U", transposed ? "T" : "N", "N", &columns, &n, &one, l, &n, b, &columns,
                    1, 1, 1, 1);
}

/// Work space of LAPACK functions.
template <typename T>
std::unique_ptr<T[]> makeWork(int64_t size) {
  return std::unique_ptr<T[]>(new (std::nothrow) T[size < 1 ? 1 : size]);
}

template <typename T>
int64_t syev(int n, T *a, T *values) {
  int query = -1, info = 0, intSize = 0;
  T size = 0;
  functions<T>.syevd("V", "U", &n, a, &n, values, &size, &query, &intSize, &query, &info, 1, 1);
  if (info)
    return info;
  // LAPACK returns the size as a float, which may have been rounded down.
  int64_t exact = 1 + 6 * int64_t(n) + 2 * int64_t(n) * n;
  if (exact > INT32_MAX)
    return outOfMemory;
  int workSize = int(exact > int64_t(size) ? exact : int64_t(size));
  std::unique_ptr<T[]> work = makeWork<T>(workSize);
  std::unique_ptr<int[]> intWork = makeWork<int>(intSize);
  if (!work || !intWork)
    return outOfMemory;
  functions<T>.syevd("V", "U", &n, a, &n, values, work.get(), &workSize, intWork.get(), &intSize,
                     &info, 1, 1);
  return info;
}

template <typename T>
int64_t syevValues(int n, T *a, T *values) {
  int query = -1, info = 0, intSize = 0;
  T size = 0;
  functions<T>.syevd("N", "U", &n, a, &n, values, &size, &query, &intSize, &query, &info, 1, 1);
  if (info)
    return info;
  int workSize = std::max(2 * n + 1, int(size));
  std::unique_ptr<T[]> work = makeWork<T>(workSize);
  std::unique_ptr<int[]> intWork = makeWork<int>(intSize);
  if (!work || !intWork)
    return outOfMemory;
  functions<T>.syevd("N", "U", &n, a, &n, values, work.get(), &workSize, intWork.get(), &intSize,
                     &info, 1, 1);
  return info;
}

template <typename T>
int64_t orthonormalize(int m, int n, T *a) {
  // The transpose is [n, m]: a^T = L Q^T.
  int info = 0;
  int64_t exact = 64 * int64_t(n);
  if (exact > INT32_MAX)
    return outOfMemory;
  int workSize = int(exact);
  std::unique_ptr<T[]> work = makeWork<T>(workSize), tau = makeWork<T>(n);
  if (!work || !tau)
    return outOfMemory;
  functions<T>.gelqf(&n, &m, a, &n, tau.get(), work.get(), &workSize, &info);
  if (info)
    return info;
  functions<T>.orglq(&n, &m, &n, a, &n, tau.get(), work.get(), &workSize, &info);
  return info;
}

template <typename T>
int64_t gesvd(int m, int n, T *a, T *u, T *s, T *vt) {
  int k = m < n ? m : n, query = -1, info = 0;
  T size = 0;
  std::unique_ptr<int[]> intWork = makeWork<int>(8 * int64_t(k));
  if (!intWork)
    return outOfMemory;
  functions<T>.gesdd("S", &n, &m, a, &n, s, vt, &n, u, &k, &size, &query, intWork.get(), &info, 1);
  if (info)
    return info;
  int64_t wide = m > n ? m : n;
  int64_t exact = 4 * int64_t(k) * k + 7 * int64_t(k) + wide;
  if (exact > INT32_MAX)
    return outOfMemory;
  int workSize = int(exact > int64_t(size) ? exact : int64_t(size));
  std::unique_ptr<T[]> work = makeWork<T>(workSize);
  if (!work)
    return outOfMemory;
  functions<T>.gesdd("S", &n, &m, a, &n, s, vt, &n, u, &k, work.get(), &workSize, intWork.get(),
                     &info, 1);
  return info;
}

template <typename T>
constexpr Kernels<T> makeKernels() {
  return {gemm<T>, potrf<T>,      potri<T>,          trtri<T>, trsm<T>,
          syev<T>, syevValues<T>, orthonormalize<T>, gesvd<T>};
}

/// Sets an environment variable for as long as the object lives, unless the user has set it.
class ScopedEnvironment {
public:
  ScopedEnvironment(const char *name, const char *value)
      : name(value && !std::getenv(name) ? name : nullptr) {
    if (this->name)
      setenv(name, value, /*overwrite=*/0);
  }
  ScopedEnvironment(const ScopedEnvironment &) = delete;
  ScopedEnvironment &operator=(const ScopedEnvironment &) = delete;
  ~ScopedEnvironment() {
    if (name)
      unsetenv(name);
  }

private:
  const char *name;
};

/// OpenBLAS's kernels for this CPU: releases that are older than the CPU take the slowest ones.
const char *getCoreType() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return "Haswell";
#endif
  return nullptr;
}

template <typename F>
bool find(void *library, const std::string &name, F &function) {
  function = reinterpret_cast<F>(dlsym(library, name.c_str()));
  return function;
}

template <typename T>
bool findAll(void *library, char prefix) {
  Functions<T> found{};
  std::string p(1, prefix);
  if (!find(library, p + "gemm_", found.gemm) || !find(library, p + "potrf_", found.potrf) ||
      !find(library, p + "potri_", found.potri) || !find(library, p + "trtri_", found.trtri) ||
      !find(library, p + "trsm_", found.trsm) || !find(library, p + "syevd_", found.syevd) ||
      !find(library, p + "gesdd_", found.gesdd) || !find(library, p + "gelqf_", found.gelqf) ||
      !find(library, p + "orglq_", found.orglq))
    return false;
  functions<T> = found;
  return true;
}

/// Whether a library named by its interface is more than the reference implementation, which is
/// slower than Eigen.
bool isOptimised(void *library) {
  for (const char *mark :
       {"openblas_get_config", "MKL_Get_Max_Threads", "bli_info_get_version_str"})
    if (dlsym(library, mark))
      return true;
  return false;
}

std::optional<Backend> loadBlas() {
  const char *user = std::getenv("COMPRESS_BLAS");
  bool chosen = user && *user;
  if (chosen && std::string(user) == "none")
    return std::nullopt;
  ScopedEnvironment core("OPENBLAS_CORETYPE", getCoreType());
  ScopedEnvironment threads("OPENBLAS_NUM_THREADS", "1");
  // liblapack brings libblas along.
  const char *usual[] = {"libopenblas.so.0", "liblapack.so.3"};
  for (const char *name : usual) {
    if (chosen)
      name = user;
    if (void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
      if ((chosen || isOptimised(library)) && findAll<float>(library, 's') &&
          findAll<double>(library, 'd')) {
        void (*setThreads)(int) = nullptr;
        if (find(library, "openblas_set_num_threads", setThreads))
          setThreads(1);
        return Backend{name, makeKernels<float>(), makeKernels<double>()};
      }
      dlclose(library);
    }
    if (chosen)
      return std::nullopt;
  }
  return std::nullopt;
}

} // namespace

const Backend *mlir::compress::linalg_backend::getBlasBackend() {
  // Never destroyed: threads may still compute while the process ends.
  static const std::optional<Backend> &backend = *new std::optional<Backend>(loadBlas());
  return backend ? &*backend : nullptr;
}
