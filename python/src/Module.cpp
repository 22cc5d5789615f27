//===- Module.cpp - the Python module -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Bridge.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace nb::literals;
using namespace compress_python;

/// The exceptions that `compress_mlir` defines.
struct CompressError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct UnsupportedError : CompressError {
  using CompressError::CompressError;
};

[[noreturn]] static void raise(const Failure &failure) {
  if (failure.isUnsupported)
    throw UnsupportedError(failure.message);
  throw CompressError(failure.message);
}

static void check(const std::optional<Failure> &failure) {
  if (failure)
    raise(*failure);
}

template <typename T>
static T unwrap(Result<T> result) {
  if (auto *failure = std::get_if<Failure>(&result))
    raise(*failure);
  return std::get<T>(std::move(result));
}

/// An array of any layout, only read.
using Array = nb::ndarray<nb::ro, nb::device::cpu>;

static std::string getTypeName(nb::dlpack::dtype type) {
  if (type.lanes != 1)
    return "vector";
  std::string bits = std::to_string(type.bits);
  switch (static_cast<nb::dlpack::dtype_code>(type.code)) {
  case nb::dlpack::dtype_code::Bool:
    return "i1";
  case nb::dlpack::dtype_code::Int:
    return "i" + bits;
  case nb::dlpack::dtype_code::UInt:
    return "ui" + bits;
  case nb::dlpack::dtype_code::Float:
    return "f" + bits;
  case nb::dlpack::dtype_code::Complex:
    return "complex<f" + std::to_string(type.bits / 2) + ">";
  case nb::dlpack::dtype_code::Bfloat:
    return "bf16";
  default:
    return "unknown";
  }
}

/// Type of an output; integers of less than 8 bits take a byte.
static nb::dlpack::dtype getArrayType(const std::string &name) {
  auto make = [](nb::dlpack::dtype_code code, int bits) {
    return nb::dlpack::dtype{static_cast<uint8_t>(code), static_cast<uint8_t>(bits < 8 ? 8 : bits),
                             1};
  };
  if (name == "i1")
    return make(nb::dlpack::dtype_code::Bool, 8);
  if (name.rfind("complex<f", 0) == 0)
    return make(nb::dlpack::dtype_code::Complex, 2 * std::stoi(name.substr(9)));
  if (name.rfind("ui", 0) == 0)
    return make(nb::dlpack::dtype_code::UInt, std::stoi(name.substr(2)));
  if (name[0] == 'i')
    return make(nb::dlpack::dtype_code::Int, std::stoi(name.substr(1)));
  return make(nb::dlpack::dtype_code::Float, std::stoi(name.substr(1)));
}

static Tensor toTensor(const Array &array) {
  Tensor tensor;
  tensor.type = getTypeName(array.dtype());
  tensor.data = const_cast<void *>(array.data());
  int64_t bytes = array.itemsize();
  for (size_t dim = 0; dim < array.ndim(); ++dim) {
    tensor.shape.push_back(array.shape(dim));
    tensor.strides.push_back(array.stride(dim) * bytes);
  }
  return tensor;
}

/// A NumPy array of the tensor's memory.
static nb::object toArray(Tensor tensor) {
  auto *owner = new std::shared_ptr<void>(tensor.owner);
  nb::capsule capsule(owner,
                      [](void *p) noexcept { delete static_cast<std::shared_ptr<void> *>(p); });
  std::vector<size_t> shape(tensor.shape.begin(), tensor.shape.end());
  return nb::cast(nb::ndarray<nb::numpy>(tensor.data, shape.size(), shape.data(), capsule, nullptr,
                                         getArrayType(tensor.type)));
}

static nb::dict run(Session &session, const std::map<std::string, Array> &arrays) {
  std::vector<std::pair<std::string, Tensor>> inputs;
  for (const auto &[name, array] : arrays)
    inputs.emplace_back(name, toTensor(array));
  Result<std::vector<Tensor>> result;
  {
    nb::gil_scoped_release release;
    result = session.run(inputs);
  }
  std::vector<Tensor> tensors = unwrap(std::move(result));
  std::vector<Spec> specs = session.getOutputs();
  nb::dict outputs;
  for (size_t i = 0; i < tensors.size(); ++i)
    outputs[specs[i].name.c_str()] = toArray(std::move(tensors[i]));
  return outputs;
}

/// `samples` holds dicts of arrays.
static std::shared_ptr<Statistics> calibrate(const Model &model, const nb::list &samples,
                                             const std::string &path, const std::string &collect,
                                             const std::vector<std::string> &ops, bool outputs,
                                             uint64_t count, int threads,
                                             const std::map<std::string, int64_t> &dims) {
  std::vector<std::map<std::string, Array>> arrays;
  std::vector<Sample> inputs;
  for (nb::handle sample : samples) {
    arrays.push_back(nb::cast<std::map<std::string, Array>>(sample));
    Sample &to = inputs.emplace_back();
    for (const auto &[name, array] : arrays.back())
      to.emplace_back(name, toTensor(array));
  }
  Result<std::shared_ptr<Statistics>> result;
  {
    nb::gil_scoped_release release;
    result = model.calibrate({collect, ops, outputs, threads, count, dims, path}, inputs);
  }
  return unwrap(std::move(result));
}

/// Counts and arrays of an entry, by name.
static nb::object getActivation(const Statistics &statistics, const std::string &key) {
  std::optional<Activation> activation = statistics.get(key);
  if (!activation)
    return nb::none();
  nb::dict result;
  result["vectors"] = activation->vectors;
  result["runs"] = activation->runs;
  result["non_finite"] = activation->nonFinite;
  result["gram_vectors"] = activation->gramVectors;
  result["channels"] = activation->channels;
  result["features"] = activation->features;
  result["groups"] = activation->groups;
  result["histogram_range"] = nb::make_tuple(activation->histogramLow, activation->histogramHigh);
  for (auto &[name, tensor] : activation->arrays)
    result[name.c_str()] = toArray(std::move(tensor));
  return result;
}

/// Runs the accuracy gate on functions of Python. What they throw is thrown on, past the compiler,
/// which knows no exceptions.
static nb::dict runGate(const std::string &maxDrop, bool isHigherBetter, unsigned maxTrials,
                        const nb::callable &measureOriginal, const nb::callable &compress,
                        const nb::callable &measure, const nb::callable &save) {
  std::exception_ptr thrown;
  auto call = [&]<typename T>(auto &&body, T *) -> Result<T> {
    try {
      return body();
    } catch (...) {
      thrown = std::current_exception();
      return Failure{"a function of Python has thrown"};
    }
  };
  GateHooks hooks;
  hooks.measureOriginal = [&] {
    return call([&] { return nb::cast<double>(measureOriginal()); }, (double *)nullptr);
  };
  hooks.measure = [&] {
    return call([&] { return nb::cast<double>(measure()); }, (double *)nullptr);
  };
  hooks.compress = [&](const std::vector<std::string> &excluded) {
    return call([&] { return nb::cast<std::vector<std::string>>(compress(excluded)); },
                (std::vector<std::string> *)nullptr);
  };
  hooks.save = [&]() -> std::optional<Failure> {
    Result<bool> result = call([&] { return save(), true; }, (bool *)nullptr);
    if (auto *failure = std::get_if<Failure>(&result))
      return *failure;
    return std::nullopt;
  };
  Result<GateOutcome> result = runAccuracyGate({maxDrop, isHigherBetter, maxTrials}, hooks);
  if (thrown)
    std::rethrow_exception(thrown);
  GateOutcome outcome = unwrap(std::move(result));
  nb::list trials;
  for (const GateTrial &trial : outcome.trials) {
    nb::dict entry;
    entry["excluded"] = std::vector<std::string>(outcome.ranking.begin(),
                                                 outcome.ranking.begin() + trial.numExcluded);
    entry["metric"] = trial.metric;
    entry["drop"] = trial.drop;
    entry["passed"] = trial.passed;
    trials.append(entry);
  }
  nb::dict gate;
  gate["max_drop"] = maxDrop;
  gate["original_metric"] = outcome.originalMetric;
  gate["passed"] = outcome.passed;
  gate["best"] = outcome.best;
  gate["trials"] = trials;
  return gate;
}

NB_MODULE(_compress, m) {
  m.doc() = "The compiler behind compress_mlir; use that.";
  auto compressError = nb::exception<CompressError>(m, "CompressError");
  nb::exception<UnsupportedError>(m, "UnsupportedError", compressError);

  nb::class_<Spec>(m, "TensorSpec", "An input or output of a model.")
      .def_ro("name", &Spec::name)
      .def_ro("dtype", &Spec::type, "Element type as MLIR calls it: 'f32', 'i64', 'ui8', 'i1'.")
      .def_ro("shape", &Spec::shape, "Sizes; -1 where only a run knows.")
      .def_ro("dims", &Spec::dims, "Name of each dim; '' for dims without a name.");

  nb::class_<ArchiveSizes>(m, "ArchiveSizes", "Sizes of a saved session in bytes.")
      .def_ro("raw", &ArchiveSizes::raw, "All contents before they are encoded.")
      .def_ro("stored", &ArchiveSizes::stored, "All contents as they are stored.")
      .def_ro("raw_weights", &ArchiveSizes::rawWeights, "Weights before they are encoded.")
      .def_ro("stored_weights", &ArchiveSizes::storedWeights, "Weights as they are stored.")
      .def_ro("file", &ArchiveSizes::file, "The file, with its table and padding.");

  nb::class_<Session>(m, "Session")
      .def_prop_ro("inputs", &Session::getInputs)
      .def_prop_ro("outputs", &Session::getOutputs)
      .def_prop_ro("threads", &Session::getThreads)
      .def_prop_ro("plan", &Session::getPlan)
      .def("run", &run, "inputs"_a)
      .def(
          "save",
          [](const Session &session, const std::string &path, const std::string &encoding) {
            nb::gil_scoped_release release;
            return unwrap(session.save(path, encoding));
          },
          "path"_a, "encoding"_a);
  m.def(
      "load_session",
      [](const std::string &path, int threads) {
        nb::gil_scoped_release release;
        return unwrap(Session::load(path, threads));
      },
      "path"_a, "threads"_a);

  nb::class_<Statistics>(m, "Statistics")
      .def_prop_ro("samples", &Statistics::getSamples)
      .def_prop_ro("warnings", &Statistics::getWarnings)
      .def("keys", &Statistics::getKeys)
      .def("get", &getActivation, "key"_a)
      .def(
          "save",
          [](const Statistics &statistics, const std::string &path) {
            nb::gil_scoped_release release;
            check(statistics.save(path));
          },
          "path"_a);
  m.def(
      "load_statistics",
      [](const std::string &path) {
        nb::gil_scoped_release release;
        return unwrap(Statistics::load(path));
      },
      "path"_a);

  nb::class_<Model>(m, "Model")
      .def("calibrate", &calibrate, "samples"_a, "path"_a, "collect"_a, "ops"_a, "outputs"_a,
           "count"_a, "threads"_a, "dims"_a)
      .def(
          "compress",
          [](const Model &model, const std::string &quantize, const std::string &prune,
             const std::string &lowRank, const std::string &share, const std::string &recipe,
             const std::vector<std::string> &exclude, const std::string &calibration,
             const std::string &statistics, const std::string &resume, uint64_t samples,
             bool requantize) {
            nb::gil_scoped_release release;
            return unwrap(model.compress({quantize, prune, lowRank, share, recipe, exclude,
                                          calibration, statistics, resume, samples, requantize}));
          },
          "quantize"_a, "prune"_a, "low_rank"_a, "share"_a, "recipe"_a, "exclude"_a,
          "calibration"_a = "", "statistics"_a = "", "resume"_a = "", "samples"_a = 0,
          "requantize"_a = false)
      .def(
          "compile",
          [](const Model &model, int threads, const std::string &target,
             const std::map<std::string, int64_t> &dims) {
            nb::gil_scoped_release release;
            return unwrap(model.compile({threads, target, dims}));
          },
          "threads"_a, "target"_a, "dims"_a)
      .def(
          "save",
          [](const Model &model, const std::string &path, const std::string &form) {
            nb::gil_scoped_release release;
            check(model.save(path, form));
          },
          "path"_a, "form"_a)
      .def("groups",
           [](const Model &model) {
             nb::gil_scoped_release release;
             return unwrap(model.getGroups());
           })
      .def("report", &Model::getReport);
  m.def(
      "load_model",
      [](const std::string &path) {
        nb::gil_scoped_release release;
        return unwrap(Model::load(path));
      },
      "path"_a);
  m.def("run_accuracy_gate", &runGate, "max_drop"_a, "higher_is_better"_a, "max_trials"_a,
        "measure_original"_a, "compress"_a, "measure"_a, "save"_a);
  m.def(
      "parse_model",
      [](nb::bytes bytes) {
        std::string copy(bytes.c_str(), bytes.size());
        nb::gil_scoped_release release;
        return unwrap(Model::parse(copy));
      },
      "bytes"_a);
}
