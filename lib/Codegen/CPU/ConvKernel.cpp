//===- ConvKernel.cpp - convolutions with packed weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The driver of a convolution. An output region (rows x columns of one image) is computed from
// planes of the input, which are written just before: then all loads are contiguous, and there is
// neither waste nor a special case at the borders. Where no planes are needed (1x1), a region is a
// run of pixels. Regions are so small that their planes stay in the L2 cache.
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/ConvKernel.h"
#include "compress/Codegen/CPU/ConvParts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

/// Elements of the planes of a region, and of the input of a run of pixels.
static constexpr int64_t kRegionElements = 64 * 1024, kMaxRegionElements = 128 * 1024;
/// Multiply-adds that are worth a piece of work for a thread (about 20 us: the other thread reads
/// what this one has in its cache).
static constexpr int64_t kMinWork = 1 << 21;
/// Pieces of work that keep threads busy evenly. Fewer regions are split by output channels.
static constexpr int64_t kEnoughPieces = 8;
/// Pixels of the smallest column block; a multiple of all tile widths.
static constexpr int64_t kPixelBlock = 64;

namespace {
/// The functions that a driver calls.
struct Parts {
  func::FuncOp planes, fullTile, lastTile, decode;
};

/// Writes the body of a convolution kernel.
class ConvEmitter {
public:
  ConvEmitter(KernelBuilder &b, const ConvRequest &request, const Parts &parts, ValueRange args);
  void emit();

private:
  /// An output region: `pixels` pixels from (row, column) on of image `image`, group `group`.
  struct Region {
    Value image, group, row, column, pixels;
  };

  bool isCodes() const { return request.weight.format == ConvWeight::Format::Codes; }
  bool isInteger() const { return request.weight.format == ConvWeight::Format::Integer; }
  Value div(Value a, Value c) { return b.createOrFold<arith::DivUIOp>(a, c); }
  Value mod(Value a, Value c) { return b.createOrFold<arith::RemUIOp>(a, c); }
  Value ceilDiv(Value a, Value c) { return divideUp(b, a, c); }
  Value isEqual(Value a, Value c) {
    return b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, a, c);
  }
  Value both(Value a, Value c) { return b.create<arith::AndIOp>(a, c); }

  Value hasFlatOutput();
  Value getGrain(Value work) { return b.getGrain(work, kMinWork); }
  void emitDirect();
  void emitPlanes(Value isFlat);
  void writePlanes(const Region &region, Value planes, Value firstChannel, Value count, Value rows,
                   Value columns);
  void computePanels(const Region &region, Value source, Value channelStride, Value taps,
                     Value begin, Value end);
  void computePanel(const Region &region, Value source, Value channelStride, Value taps,
                    Value panel, Value room, bool isLast);
  Value getWeight(Value group, Value panel, Value room);

  KernelBuilder &b;
  const ConvRequest &request;
  const ConvWindow &window;
  const Parts &parts;
  Value x, scale, zeroPoint, weight, scales, zeroPoints, sums, bias, other, y;
  StridedPlace xPlace, yPlace, otherPlace;
  Value images, height, width, outputRows, outputColumns;
  /// Of a group. Elements are channels, or 4 channels of an integer kernel.
  Value groups, channels, elements, groupOutputs, panels, fullPanels;
  int64_t phases;
};
} // namespace

ConvEmitter::ConvEmitter(KernelBuilder &b, const ConvRequest &request, const Parts &parts,
                         ValueRange args)
    : b(b), request(request), window(request.window), parts(parts) {
  size_t next = 0;
  x = args[next++];
  if (isInteger()) {
    scale = b.loadScalar(args[next++], {});
    zeroPoint = b.create<arith::ExtUIOp>(b.getI32Type(), b.loadScalar(args[next++], {}));
  }
  weight = args[next++];
  if (isCodes() || isInteger())
    scales = args[next++];
  if (isCodes() && request.weight.hasZeroPoints)
    zeroPoints = args[next++];
  if (isInteger())
    sums = args[next++];
  EpilogueOperands operands = EpilogueOperands::take(request.epilogue, args);
  bias = operands.bias;
  other = operands.other;
  y = operands.output;
  xPlace = StridedPlace::get(b, x);
  yPlace = StridedPlace::get(b, y);
  if (other)
    otherPlace = StridedPlace::get(b, other);
  images = b.dim(x, 0);
  height = b.dim(x, 2);
  width = b.dim(x, 3);
  outputRows = b.dim(y, 2);
  outputColumns = b.dim(y, 3);
  groups = request.groups == 1 ? b.index(1) : b.dim(weight, 0);
  channels = request.groups == 1 ? b.dim(x, 1) : div(b.dim(x, 1), groups);
  elements = isInteger() ? b.ceilDiv(channels, 4) : channels;
  groupOutputs = request.groups == 1 ? b.dim(y, 1) : div(b.dim(y, 1), groups);
  fullPanels = b.floorDiv(groupOutputs, kConvRows);
  panels = b.add(fullPanels, request.groupOutputs % kConvRows ? 1 : 0);
  phases = static_cast<int64_t>(window.getPhases().size());
}

/// Whether the pixels of an output image are contiguous.
Value ConvEmitter::hasFlatOutput() {
  Value isFlat = isEqual(yPlace.strides[2], outputColumns);
  if (other)
    isFlat = both(isFlat, isEqual(otherPlace.strides[2], outputColumns));
  return isFlat;
}

/// How many pieces of `work` multiply-adds a thread should take at least.
/// The f32 panel: in place, or decoded into `room`.
Value ConvEmitter::getWeight(Value group, Value panel, Value room) {
  Value none = b.index(0);
  Value flat = StridedPlace::get(b, weight).getFlat(b, {group, panel, none});
  if (!isCodes())
    return flat;
  SmallVector<Value> operands{flat, StridedPlace::get(b, scales).getFlat(b, {group, panel})};
  if (zeroPoints)
    operands.push_back(StridedPlace::get(b, zeroPoints).getFlat(b, {group, panel}));
  operands.push_back(b.mul(channels, window.getTaps()));
  operands.push_back(room);
  emitCall(b, parts.decode, operands);
  return room;
}

void ConvEmitter::computePanel(const Region &region, Value source, Value channelStride, Value taps,
                               Value panel, Value room, bool isLast) {
  Value firstRow = b.add(b.mul(region.group, groupOutputs), b.mul(panel, kConvRows));
  SmallVector<Value> place{region.image, firstRow, region.row, region.column};
  ConvTileArguments args;
  args.x = source;
  args.channelStride = channelStride;
  args.channels = elements;
  args.taps = taps;
  args.weight = getWeight(region.group, panel, room);
  if (isInteger()) {
    args.scale = scale;
    args.zeroPoint = zeroPoint;
    args.weightScales = StridedPlace::get(b, scales).getFlat(b, {firstRow});
    args.weightSums = StridedPlace::get(b, sums).getFlat(b, {firstRow});
  }
  if (bias)
    args.bias = StridedPlace::get(b, bias).getFlat(b, {firstRow});
  if (other) {
    args.other = otherPlace.getFlat(b, place);
    args.otherStride = otherPlace.strides[1];
  }
  args.y = yPlace.getFlat(b, place);
  args.outputStride = yPlace.strides[1];
  args.pixels = region.pixels;
  emitCall(b, isLast ? parts.lastTile : parts.fullTile, args.get());
}

/// The panels [begin, end) of a region whose input starts at `source`.
void ConvEmitter::computePanels(const Region &region, Value source, Value channelStride, Value taps,
                                Value begin, Value end) {
  auto compute = [&](Value room) {
    if (parts.fullTile)
      b.forLoop(begin, b.min(end, fullPanels), 1, [&](Value panel) {
        computePanel(region, source, channelStride, taps, panel, room, /*isLast=*/false);
      });
    if (request.groupOutputs % kConvRows)
      b.ifThen(b.less(fullPanels, end), [&] {
        computePanel(region, source, channelStride, taps, fullPanels, room, /*isLast=*/true);
      });
  };
  if (!isCodes())
    return compute(Value());
  Value k = b.mul(b.ceilDiv(b.mul(channels, window.getTaps()), 8), 8 * kConvRows);
  b.withBuffer(MemRefType::get({ShapedType::kDynamic}, b.getF32Type()), {k},
               [&](Value room) { compute(StridedPlace::get(b, room).getFlat(b, {b.index(0)})); });
}

//===----------------------------------------------------------------------===//
// Without planes
//===----------------------------------------------------------------------===//

void ConvEmitter::emitDirect() {
  Value pixels = b.mul(outputRows, outputColumns);
  Value taps = makeConvTaps(b, window, b.index(0), width);
  // Runs of equal size, a multiple of a tile.
  Value most = div(b.index(kRegionElements), b.add(elements, 1));
  most = b.max(b.mul(b.floorDiv(most, kPixelBlock), kPixelBlock), b.index(kPixelBlock));
  Value runs = b.max(ceilDiv(pixels, most), b.index(1));
  Value perRun = b.mul(b.ceilDiv(ceilDiv(pixels, runs), kPixelBlock), kPixelBlock);
  perRun = b.max(perRun, b.index(kPixelBlock));
  runs = ceilDiv(pixels, perRun);
  Value regions = b.mul(b.mul(images, groups), runs);
  // Few regions are split by panels.
  Value wanted = ceilDiv(b.index(kEnoughPieces), b.max(regions, b.index(1)));
  Value perPiece = ceilDiv(panels, wanted);
  Value splits = ceilDiv(panels, perPiece);
  Value work = b.mul(b.mul(elements, window.getTaps() * kConvRows), b.mul(perRun, perPiece));
  b.parallelFor(b.mul(regions, splits), getGrain(work), [&](Value piece) {
    Value begin = b.mul(mod(piece, splits), perPiece);
    Value end = b.min(b.add(begin, perPiece), panels);
    Value rest = div(piece, splits);
    Value first = b.mul(mod(rest, runs), perRun);
    rest = div(rest, runs);
    Region region;
    region.group = mod(rest, groups);
    region.image = div(rest, groups);
    region.row = b.index(0);
    region.column = first;
    region.pixels = b.min(perRun, b.sub(pixels, first));
    Value source =
        xPlace.getFlat(b, {region.image, b.mul(region.group, channels), region.row, region.column});
    computePanels(region, source, xPlace.strides[1], taps, begin, end);
  });
}

//===----------------------------------------------------------------------===//
// With planes
//===----------------------------------------------------------------------===//

/// Writes the planes of `count` channels of the region's group. `planes` is where those of the
/// first one go.
void ConvEmitter::writePlanes(const Region &region, Value planes, Value firstChannel, Value count,
                              Value rows, Value columns) {
  Value channel = b.add(b.mul(region.group, channels), firstChannel);
  Value source = xPlace.getFlat(b, {region.image, channel});
  SmallVector<Value> operands{source,
                              xPlace.strides[1],
                              xPlace.strides[2],
                              height,
                              width,
                              count,
                              planes,
                              region.row,
                              rows,
                              region.column,
                              columns};
  operands.push_back(isInteger() ? b.create<arith::MulIOp>(zeroPoint, b.i32(0x01010101)).getResult()
                                 : b.f32(0));
  emitCall(b, parts.planes, operands);
}

void ConvEmitter::emitPlanes(Value isFlat) {
  Value none = b.index(0);
  int64_t extra = window.getExtraRows(), copies = window.kernel[1] * phases;
  Value perColumn = b.mul(elements, copies);
  // Each region reads all weights, so large ones want larger regions.
  Value weights = b.mul(b.mul(elements, window.getTaps()), groupOutputs);
  Value limit = b.min(b.floorDiv(weights, 8), b.index(kMaxRegionElements));
  limit = b.max(limit, b.index(kRegionElements));
  ConvRegions shape =
      ConvRegions::get(b, perColumn, extra, limit, outputRows, outputColumns, isFlat);
  Value rows = shape.rows, columns = shape.columns;
  Value planeRows = b.add(rows, extra);
  Value planeSize = b.mul(planeRows, columns);
  Value channelStride = b.mul(planeSize, copies);
  Value size = b.mul(elements, channelStride);
  Value taps = makeConvTaps(b, window, planeSize, columns);
  Type element = getPlaneElementType(b.getContext(), request.weight);
  MemRefType room = MemRefType::get({ShapedType::kDynamic}, element);
  Value perImage = b.mul(shape.strips, shape.parts);
  auto getRegion = [&](Value number) {
    ConvRegions::Place place = shape.locate(b, mod(number, perImage), outputRows, outputColumns);
    Value rest = div(number, perImage);
    Region region;
    region.row = place.row;
    region.column = place.column;
    region.pixels = place.pixels;
    region.group = mod(rest, groups);
    region.image = div(rest, groups);
    return region;
  };
  Value regions = b.mul(b.mul(images, groups), perImage);
  Value work = b.mul(b.mul(elements, b.mul(groupOutputs, window.getTaps())), b.mul(rows, columns));
  // Every piece of work has room for the planes of one region.
  auto whole = [&] {
    b.parallelForPieces(regions, getGrain(work), [&](Value begin, Value end) {
      b.withBuffer(room, {size}, [&](Value buffer) {
        Value planes = StridedPlace::get(b, buffer).getFlat(b, {none});
        b.forLoop(begin, end, 1, [&](Value number) {
          Region region = getRegion(number);
          writePlanes(region, planes, none, channels, planeRows, columns);
          computePanels(region, planes, channelStride, taps, none, panels);
        });
      });
    });
  };
  if (request.groups > 1)
    return whole();
  // Few regions: one after the other, each on all threads.
  auto shared = [&] {
    b.withBuffer(room, {size}, [&](Value buffer) {
      Value planes = StridedPlace::get(b, buffer).getFlat(b, {none});
      b.forLoop(none, regions, 1, [&](Value number) {
        Region region = getRegion(number);
        // A copied element takes about as long as 4 multiply-adds.
        int64_t perElement = isInteger() ? 4 : 1;
        b.parallelFor(elements, getGrain(b.mul(channelStride, 4)), [&](Value item) {
          Value first = b.mul(item, perElement);
          Value count = b.min(b.index(perElement), b.sub(channels, first));
          writePlanes(region, advance(b, planes, b.mul(item, channelStride)), first, count,
                      planeRows, columns);
        });
        // Few panels are split into runs of pixels.
        Value wanted = ceilDiv(b.index(kEnoughPieces), panels);
        Value perRun = b.mul(b.ceilDiv(ceilDiv(region.pixels, wanted), kPixelBlock), kPixelBlock);
        Value runs = ceilDiv(region.pixels, perRun);
        Value pieceWork = b.mul(b.mul(elements, window.getTaps() * kConvRows), perRun);
        b.parallelFor(b.mul(panels, runs), getGrain(pieceWork), [&](Value piece) {
          Value panel = div(piece, runs), first = b.mul(mod(piece, runs), perRun);
          Region run = region;
          run.column = b.add(region.column, first);
          run.pixels = b.min(perRun, b.sub(region.pixels, first));
          computePanels(run, advance(b, planes, first), channelStride, taps, panel,
                        b.add(panel, 1));
        });
      });
    });
  };
  b.ifThen(b.less(regions, b.index(kEnoughPieces)), shared, whole);
}

void ConvEmitter::emit() {
  Value isFlat = hasFlatOutput();
  if (!window.isDirect() || isInteger())
    return emitPlanes(isFlat);
  b.ifThen(
      both(isFlat, isEqual(xPlace.strides[2], width)), [&] { emitDirect(); },
      [&] { emitPlanes(isFlat); });
}

static SmallVector<Type> getArgumentTypes(KernelLibrary &library, const ConvRequest &request) {
  constexpr int64_t any = ShapedType::kDynamic;
  OpBuilder builder(library.getContext());
  Type f32 = builder.getF32Type(), i32 = builder.getI32Type(), i8 = builder.getI8Type();
  MemRefType image = getActivationType({any, any, any, any}, f32);
  MemRefType vector = getFlatType(f32);
  SmallVector<Type> types;
  switch (request.weight.format) {
  case ConvWeight::Format::F32:
    types = {image, MemRefType::get({any, any, any}, f32)};
    break;
  case ConvWeight::Format::Codes:
    types = {image, MemRefType::get({any, any, any}, i8), MemRefType::get({any, any, any}, f32)};
    if (request.weight.hasZeroPoints)
      types.push_back(types.back());
    break;
  case ConvWeight::Format::Integer:
    types = {getActivationType({any, any, any, any}, i8),
             getActivationType({}, f32),
             getActivationType({}, i8),
             MemRefType::get({any, any, any}, request.isDepthwise() ? f32 : i32),
             vector,
             getFlatType(i32)};
    break;
  }
  EpilogueOperands::addTypes(request.epilogue, vector, image, types);
  return types;
}

func::FuncOp compress::getConvKernel(KernelLibrary &library, const ConvRequest &request) {
  std::string window = request.window.getName();
  std::string suffix = request.epilogue.getName() + "_" + library.getTarget().getName().str();
  SmallVector<Type> types = getArgumentTypes(library, request);
  if (request.isDepthwise())
    return library.getOrCreate(
        "conv_depthwise_" + request.weight.getName() + "_" + window + suffix,
        "depthwise convolution " + window + ", " + request.weight.getName() + " weight" +
            request.epilogue.getDescription(),
        types, [&](KernelBuilder &b, ValueRange args) { emitDepthwiseConv(b, request, args); });

  int64_t rest = request.groupOutputs % kConvRows;
  Parts parts;
  parts.planes = getConvPlanesFunction(library, request.window,
                                       request.weight.format == ConvWeight::Format::Integer);
  if (request.groupOutputs >= kConvRows || !rest)
    parts.fullTile = getConvTileFunction(library, request, kConvRows);
  if (rest)
    parts.lastTile = getConvTileFunction(library, request, rest);
  if (request.weight.format == ConvWeight::Format::Codes)
    parts.decode = getConvDecodeFunction(library, request.weight);
  std::string name = "conv_" + request.weight.getName() + "_" + window;
  if (request.groups > 1)
    name += "_grouped";
  if (!parts.fullTile)
    name += "_only" + std::to_string(rest);
  else if (rest)
    name += "_rest" + std::to_string(rest);
  std::string description = (request.groups > 1 ? "grouped convolution " : "convolution ") +
                            window + ", " + request.weight.getName() + " weight" +
                            request.epilogue.getDescription();
  return library.getOrCreate(
      name + suffix, description, types,
      [&](KernelBuilder &b, ValueRange args) { ConvEmitter(b, request, parts, args).emit(); });
}
