// Included before the addon's sources. They make a tensor of a JavaScript array without copying it, and give the array back once TensorFlow
// no longer needs the tensor. But a variable that was given the tensor lets go of it on a thread of TensorFlow's, where nothing of Node
// may be called: Node crashed, now and then, in the middle of a training. A copy gives the array back at once, on the thread that came
// with it. It costs little: TensorFlow copies all arrays anyway that do not lie at a multiple of 64 bytes.
#ifndef CFT_COPIED_TENSOR_H_
#define CFT_COPIED_TENSOR_H_

#include <cstring>

#include "tensorflow/c/tf_tensor.h"

namespace cft {

// As TF_NewTensor, but the data is the caller's again when it returns.
inline TF_Tensor* CopiedTensor(TF_DataType dtype, const int64_t* shape, int rank, void* data, size_t size,
                               void (*give_back)(void* data, size_t size, void* arg), void* arg) {
  TF_Tensor* tensor = TF_AllocateTensor(dtype, shape, rank, size);
  if (size > 0) std::memcpy(TF_TensorData(tensor), data, size);
  give_back(data, size, arg);
  return tensor;
}

}  // namespace cft

#define TF_NewTensor cft::CopiedTensor

#endif  // CFT_COPIED_TENSOR_H_
