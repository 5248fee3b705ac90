// The ops as an addon of Node's: loading it makes them known to TensorFlow. It exports `ready`: whether the processor can run them, and
// `bfloat16Units`: whether it has units for products of bfloat16s.
#include <node_api.h>

#include "tiles.h"
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
  const auto tell = [&](const char* name, bool is) {
    napi_value value;
    napi_get_boolean(env, is, &value);
    napi_set_named_property(env, exports, name, value);
  };
  tell("ready", cft::ProcessorHasAvx512() && cft::RegisterOnce());
  tell("bfloat16Units", cft::HasTiles());
  return exports;
}
