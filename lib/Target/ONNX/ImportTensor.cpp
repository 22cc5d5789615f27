//===- ImportTensor.cpp - ONNX tensors, types and entries -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ImportImpl.h"
#include "compress/Reference/Tensor.h"
#include "compress/Support/MappedFile.h"
#include "compress/Target/ONNX/ExternalData.h"
#include "compress/Target/ONNX/ProtoWriter.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

/// Smaller tensors are copied into the module.
static constexpr uint64_t minReferencedBytes = 1024;

/// Most bytes that a sparse initializer may have when it is made dense.
static constexpr uint64_t maxDensifiedBytes = uint64_t(64) << 20;

//===----------------------------------------------------------------------===//
// Types and entries
//===----------------------------------------------------------------------===//

static ImportedType importTensorType(const TypeProto &type, MLIRContext *context,
                                     const llvm::StringMap<int64_t> &fixedDims) {
  ImportedType result;
  result.value = OnnxValueType::get(context);
  std::optional<DataType> dataType = getDataTypeOfOnnxId(type.elemType.value_or(0));
  if (!dataType)
    return result;
  Type element = getElementType(*dataType, context);
  if (!type.shape) {
    result.declared = UnrankedTensorType::get(element);
    return result;
  }
  SmallVector<int64_t> shape;
  for (const Dimension &dim : type.shape->dims) {
    int64_t size = dim.kind == Dimension::Kind::Value ? dim.value : ShapedType::kDynamic;
    StringRef name = dim.kind == Dimension::Kind::Param ? dim.param : StringRef("");
    if (auto fixed = fixedDims.find(name); !name.empty() && fixed != fixedDims.end()) {
      size = fixed->second;
      name = "";
    }
    shape.push_back(size);
    result.dimNames.push_back(name);
    result.dimDenotations.push_back(dim.denotation);
  }
  result.value = result.declared = RankedTensorType::get(shape, element);
  return result;
}

ImportedType onnx::importType(const TypeProto *type, MLIRContext *context,
                              const llvm::StringMap<int64_t> &dims) {
  ImportedType result;
  result.value = OnnxValueType::get(context);
  if (!type)
    return result;
  if (type->kind == TypeProto::Kind::Tensor)
    return importTensorType(*type, context, dims);
  if (type->kind != TypeProto::Kind::Sequence && type->kind != TypeProto::Kind::Optional)
    return result;
  Type element = importType(type->element.get(), context, dims).declared;
  if (!element)
    element = OnnxValueType::get(context);
  if (type->kind == TypeProto::Kind::Sequence)
    result.value = SequenceType::get(context, element);
  else
    result.value = OptionalType::get(context, element);
  result.declared = result.value;
  return result;
}

/// True if `importType` loses something of a type that is the element of another one.
static bool losesElement(const TypeProto *type) {
  if (!type || !type->denotation.empty())
    return true;
  if (type->kind == TypeProto::Kind::Sequence || type->kind == TypeProto::Kind::Optional)
    return losesElement(type->element.get());
  if (type->kind != TypeProto::Kind::Tensor || !getDataTypeOfOnnxId(type->elemType.value_or(0)))
    return true;
  return type->shape && llvm::any_of(type->shape->dims, [](const Dimension &dim) {
           return dim.kind == Dimension::Kind::Param || !dim.denotation.empty();
         });
}

static void fixDims(TypeProto &type, const llvm::StringMap<int64_t> &dims) {
  if (type.element)
    fixDims(*type.element, dims);
  if (!type.shape)
    return;
  for (Dimension &dim : type.shape->dims)
    if (auto fixed = dims.find(dim.param);
        dim.kind == Dimension::Kind::Param && fixed != dims.end()) {
      dim.kind = Dimension::Kind::Value;
      dim.value = fixed->second;
    }
}

OnnxRawAttr onnx::importWholeType(const TypeProto &type, MLIRContext *context,
                                  const llvm::StringMap<int64_t> &dims) {
  bool isLost = false;
  switch (type.kind) {
  case TypeProto::Kind::None:
    break;
  case TypeProto::Kind::Tensor:
    isLost = !getDataTypeOfOnnxId(type.elemType.value_or(0));
    break;
  case TypeProto::Kind::Sequence:
  case TypeProto::Kind::Optional:
    isLost = losesElement(type.element.get());
    break;
  default:
    isLost = true;
  }
  if (!isLost)
    return {};
  AttributeProto holder;
  holder.type = AT_TypeProto;
  holder.tp = type;
  fixDims(*holder.tp, dims);
  llvm::Expected<std::string> raw = serializeAttribute(holder);
  if (raw)
    return OnnxRawAttr::get(context, *raw);
  llvm::consumeError(raw.takeError());
  return {};
}

ArrayAttr onnx::importAnnotations(ArrayRef<TensorAnnotation> annotations, Builder &builder) {
  SmallVector<Attribute> result;
  for (const TensorAnnotation &annotation : annotations) {
    NamedAttrList entry;
    entry.set("tensor_name", builder.getStringAttr(annotation.tensorName));
    if (ArrayAttr parameters = importEntries(annotation.quantParameterTensorNames, builder))
      entry.set("parameters", parameters);
    result.push_back(entry.getDictionary(builder.getContext()));
  }
  return result.empty() ? ArrayAttr() : builder.getArrayAttr(result);
}

ArrayAttr onnx::importEntries(ArrayRef<StringStringEntry> entries, Builder &builder) {
  if (entries.empty())
    return {};
  SmallVector<Attribute> result;
  for (const StringStringEntry &entry : entries)
    result.push_back(builder.getStrArrayAttr({entry.key, entry.value}));
  return builder.getArrayAttr(result);
}

ArrayAttr onnx::importOpsets(ArrayRef<OperatorSetId> opsets, Builder &builder) {
  SmallVector<Attribute> result;
  for (const OperatorSetId &opset : opsets)
    result.push_back(builder.getArrayAttr({builder.getStringAttr(normalizeDomain(opset.domain)),
                                           builder.getI64IntegerAttr(opset.version.value_or(0))}));
  return builder.getArrayAttr(result);
}

ArrayAttr onnx::importRaw(ArrayRef<StringRef> messages, Builder &builder) {
  if (messages.empty())
    return {};
  SmallVector<Attribute> result;
  for (StringRef message : messages)
    result.push_back(OnnxRawAttr::get(builder.getContext(), message));
  return builder.getArrayAttr(result);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

FailureOr<Attribute> Importer::importBytes(StringRef bytes, StringRef name, RankedTensorType type) {
  FailureOr<WeightBuffer> buffer = store.allocate(type, [&] { return emitError(); });
  if (failed(buffer))
    return failure();
  if (buffer->bytes().size() != bytes.size())
    return emitError() << "tensor " << quoteName(name) << ": expects " << buffer->bytes().size()
                       << " bytes, got " << bytes.size();
  if (!bytes.empty())
    std::memcpy(buffer->bytes().data(), bytes.data(), bytes.size());
  return store.commit(name, type, std::move(*buffer));
}

FailureOr<Attribute> Importer::makeFileAttr(StringRef relativePath, StringRef path, uint64_t offset,
                                            uint64_t length, RankedTensorType type) {
  std::shared_ptr<MappedFile> &file = files[relativePath];
  if (!file) {
    llvm::Expected<std::shared_ptr<MappedFile>> opened = MappedFile::open(path);
    if (!opened)
      return emitError() << llvm::toString(opened.takeError());
    file = std::move(*opened);
  }
  uint64_t hash = 0;
  if (options.hashWeights) {
    llvm::Expected<uint64_t> computed = file->hash(offset, length);
    if (!computed)
      return emitError() << llvm::toString(computed.takeError());
    hash = *computed;
  }
  return Attribute(FileAttr::get(context, type, relativePath, offset, length, hash));
}

FailureOr<Attribute> Importer::importExternal(const TensorProto &tensor, RankedTensorType type) {
  if (loaded.folder.empty() && fileName.empty())
    return emitError() << "tensor " << quoteName(tensor.name)
                       << " has external data, but the model is not read from a file";
  llvm::Expected<ExternalDataEntries> entries = parseExternalData(tensor);
  if (!entries)
    return emitError() << llvm::toString(entries.takeError());
  llvm::Expected<ExternalFile> file =
      resolveExternalData(tensor, loaded.folder, options.allowOutsideLinks);
  if (!file)
    return emitError() << llvm::toString(file.takeError());
  if (options.weightsByReference && file->length >= minReferencedBytes &&
      !options.allowOutsideLinks)
    return makeFileAttr(entries->location, file->path, file->offset, file->length, type);
  if (file->length == 0)
    return importBytes("", tensor.name, type);
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> bytes = mapExternalData(*file);
  if (!bytes)
    return emitError() << llvm::toString(bytes.takeError());
  return importBytes((*bytes)->getBuffer(), tensor.name, type);
}

FailureOr<Attribute> Importer::importTensor(const TensorProto &tensor, RankedTensorType &type) {
  std::optional<DataType> dataType = getDataTypeOfOnnxId(tensor.dataType.value_or(0));
  if (!dataType)
    return emitError() << "tensor " << quoteName(tensor.name) << " has unknown data type "
                       << tensor.dataType.value_or(0);
  type = RankedTensorType::get(tensor.dims, getElementType(*dataType, context));
  if (*dataType == DataType::String) {
    if (int64_t(tensor.stringData.size()) != type.getNumElements())
      return emitError() << "tensor " << quoteName(tensor.name) << ": expects "
                         << type.getNumElements() << " strings, got " << tensor.stringData.size();
    return Attribute(DenseStringElementsAttr::get(type, tensor.stringData));
  }
  if (tensor.isExternal())
    return importExternal(tensor, type);
  llvm::Expected<TensorBytes> bytes = getTensorBytes(tensor);
  if (!bytes)
    return emitError() << llvm::toString(bytes.takeError());
  std::optional<uint64_t> offset;
  if (!bytes->owned && !bytes->bytes.empty())
    offset = loaded.getFileOffset(bytes->bytes);
  if (options.weightsByReference && offset && bytes->bytes.size() >= minReferencedBytes) {
    SmallString<128> path(loaded.folder);
    if (!path.empty())
      path += "/";
    path += fileName;
    return makeFileAttr(fileName, path, *offset, bytes->bytes.size(), type);
  }
  return importBytes(bytes->bytes, tensor.name, type);
}

FailureOr<Attribute> Importer::importSparseTensor(const SparseTensorProto &sparse,
                                                  RankedTensorType &type) {
  const TensorProto &values = *sparse.values;
  auto fail = [&](llvm::Error error) {
    return emitError() << "sparse tensor " << quoteName(values.name) << ": "
                       << llvm::toString(std::move(error));
  };
  std::optional<DataType> dataType = getDataTypeOfOnnxId(values.dataType.value_or(0));
  if (!dataType || *dataType == DataType::String || values.isExternal() ||
      (sparse.indices && sparse.indices->isExternal()))
    return emitError() << "sparse tensor " << quoteName(values.name)
                       << ": only numeric data inside the model is supported";
  llvm::Expected<TensorBytes> valueBytes = getTensorBytes(values);
  if (!valueBytes)
    return fail(valueBytes.takeError());
  auto packed = reference::Tensor::fromPacked(*dataType, values.dims,
                                              {valueBytes->bytes.data(), valueBytes->bytes.size()});
  if (!packed)
    return fail(packed.takeError());
  llvm::Expected<reference::Tensor> dense =
      reference::Tensor::create(*dataType, sparse.dims, maxDensifiedBytes);
  if (!dense)
    return fail(dense.takeError());

  int64_t count = packed->getNumElements();
  SmallVector<int64_t> positions;
  if (sparse.indices) {
    llvm::Expected<TensorBytes> indexBytes = getTensorBytes(*sparse.indices);
    if (!indexBytes)
      return fail(indexBytes.takeError());
    positions.resize(indexBytes->bytes.size() / sizeof(int64_t));
    if (!positions.empty())
      std::memcpy(positions.data(), indexBytes->bytes.data(), positions.size() * sizeof(int64_t));
  }
  int64_t rank = sparse.dims.size();
  bool linear = sparse.indices && sparse.indices->dims.size() == 1;
  if (int64_t(positions.size()) != (linear ? count : count * rank))
    return emitError() << "sparse tensor " << quoteName(values.name) << ": " << count
                       << " values but " << positions.size() << " index entries";
  for (int64_t i = 0; i < count; ++i) {
    int64_t slot = linear ? positions[i] : 0;
    bool inside = slot >= 0 && slot < dense->getNumElements();
    for (int64_t d = 0; !linear && d < rank && inside; ++d) {
      int64_t index = positions[i * rank + d];
      inside = index >= 0 && index < sparse.dims[d];
      slot = slot * sparse.dims[d] + index;
    }
    if (!inside)
      return emitError() << "sparse tensor " << quoteName(values.name) << ": index of value " << i
                         << " is out of range";
    dense->copySlot(slot, *packed, i);
  }
  llvm::Expected<SmallVector<char, 0>> bytes = dense->toPacked();
  if (!bytes)
    return fail(bytes.takeError());
  type = RankedTensorType::get(sparse.dims, getElementType(*dataType, context));
  return importBytes(StringRef(bytes->data(), bytes->size()), values.name, type);
}
