// The ops as an addon of Node's: loading it makes them known to TensorFlow. It exports `ready`: whether the processor can run them.
#include <node_api.h>

#include "vector.h"

namespace cft {

bool RegisterCrossEntropy();
bool RegisterDecoderLayers();
bool RegisterGreedy();
bool RegisterLinear();
bool RegisterOptimizer();
bool RegisterRotary();
bool RegisterRows();

static bool RegisterOnce() {
  static const bool done = RegisterCrossEntropy() && RegisterDecoderLayers() && RegisterGreedy() && RegisterLinear() && RegisterOptimizer() &&
                           RegisterRotary() && RegisterRows();
  return done;
}

}  // namespace cft

NAPI_MODULE_INIT() {
  napi_value ready;
  napi_get_boolean(env, cft::ProcessorHasAvx512() && cft::RegisterOnce(), &ready);
  napi_set_named_property(env, exports, "ready", ready);
  return exports;
}
