// Loaded before TensorFlow, with its symbols open to all: TensorFlow's logger, absl, then asks this function whether the program has
// set logging up, and drops notes about the build and the processor. It would print them otherwise, whatever TF_CPP_MIN_LOG_LEVEL says,
// since TensorFlow writes them while it is being loaded. Errors are printed as before.
#include <node_api.h>

namespace absl {
inline namespace ABSL_LTS {
namespace log_internal {
__attribute__((visibility("default"))) bool IsInitialized() { return true; }
}  // namespace log_internal
}  // namespace ABSL_LTS
}  // namespace absl

NAPI_MODULE_INIT() { return exports; }
