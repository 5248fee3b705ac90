// What an op of ours needs of TensorFlow's C API, whose binary interface is the same whatever compiler built TensorFlow.
#ifndef CFT_KERNELS_OP_H_
#define CFT_KERNELS_OP_H_

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

namespace cft {

class Status {
 public:
  Status() : status_(TF_NewStatus()) {}
  ~Status() { TF_DeleteStatus(status_); }
  Status(const Status&) = delete;
  Status& operator=(const Status&) = delete;

  TF_Status* get() const { return status_; }
  bool ok() const { return TF_GetCode(status_) == TF_OK; }

 private:
  TF_Status* status_;
};

// One of an op's inputs, or its output, for as long as it computes.
class Tensor {
 public:
  explicit Tensor(TF_Tensor* tensor) : tensor_(tensor) {}
  ~Tensor() {
    if (tensor_ != nullptr) TF_DeleteTensor(tensor_);
  }
  Tensor(Tensor&& other) noexcept : tensor_(std::exchange(other.tensor_, nullptr)) {}
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;

  bool ok() const { return tensor_ != nullptr; }
  int64_t size() const { return TF_TensorElementCount(tensor_); }
  int rank() const { return TF_NumDims(tensor_); }
  int64_t dim(int axis) const { return TF_Dim(tensor_, axis < 0 ? TF_NumDims(tensor_) + axis : axis); }
  TF_DataType type() const { return TF_TensorType(tensor_); }
  char* bytes() const { return static_cast<char*>(TF_TensorData(tensor_)); }
  // What fills four bytes, whatever it is.
  uint32_t* words() const { return static_cast<uint32_t*>(TF_TensorData(tensor_)); }
  float* floats() const { return static_cast<float*>(TF_TensorData(tensor_)); }
  int32_t* ints() const { return static_cast<int32_t*>(TF_TensorData(tensor_)); }

 private:
  TF_Tensor* tensor_;
};

inline Tensor Input(TF_OpKernelContext* context, int index) {
  Status status;
  TF_Tensor* tensor = nullptr;
  TF_GetInput(context, index, &tensor, status.get());
  if (!status.ok()) TF_OpKernelContext_Failure(context, status.get());
  return Tensor(tensor);
}

// All of an op's inputs; none if one can't be had, of which TensorFlow then knows.
inline std::vector<Tensor> Inputs(TF_OpKernelContext* context) {
  std::vector<Tensor> inputs;
  for (int i = 0; i < TF_NumInputs(context); i++) {
    inputs.push_back(Input(context, i));
    if (!inputs.back().ok()) return {};
  }
  return inputs;
}

// One of the op's outputs; not ok() if there is no memory for it, of which TensorFlow then knows.
inline Tensor Output(TF_OpKernelContext* context, int index, TF_DataType type, std::initializer_list<int64_t> shape) {
  Status status;
  int64_t size = static_cast<int64_t>(TF_DataTypeSize(type));
  for (const int64_t dimension : shape) size *= dimension;
  TF_Tensor* tensor = TF_AllocateOutput(context, index, type, shape.begin(), static_cast<int>(shape.size()), size, status.get());
  if (!status.ok()) TF_OpKernelContext_Failure(context, status.get());
  return Tensor(tensor);
}

// One of the op's outputs, as an input: in its memory if the op is the last one that reads it.
inline Tensor OutputInPlaceOf(TF_OpKernelContext* context, int input, int output) {
  Status status;
  std::vector<int64_t> shape;
  {
    const Tensor from = Input(context, input);
    for (int axis = 0; axis < from.rank(); axis++) shape.push_back(from.dim(axis));
  }
  // From here on only TensorFlow holds the input: else it would not give its memory away.
  int forwarded = -1;
  TF_Tensor* tensor = TF_ForwardInputOrAllocateOutput(context, &input, 1, output, shape.data(), static_cast<int>(shape.size()), &forwarded,
                                                      status.get());
  if (!status.ok()) TF_OpKernelContext_Failure(context, status.get());
  return Tensor(tensor);
}

// Ends the op with an error if one of the numbers is not one of `count` rows of a table.
inline bool AreRows(TF_OpKernelContext* context, const int32_t* numbers, int64_t size, int64_t count) {
  const int32_t* wrong = std::find_if(numbers, numbers + size, [&](int32_t number) { return number < 0 || number >= count; });
  if (wrong == numbers + size) return true;
  Status status;
  const std::string message = "there is no row " + std::to_string(*wrong) + " among " + std::to_string(count);
  TF_SetStatus(status.get(), TF_INVALID_ARGUMENT, message.c_str());
  TF_OpKernelContext_Failure(context, status.get());
  return false;
}

// An attribute that the op must have; TensorFlow checks that when it makes the kernel.
template <typename T>
T Attribute(TF_OpKernelConstruction* construction, const char* name, void (*get)(TF_OpKernelConstruction*, const char*, T*, TF_Status*)) {
  Status status;
  T value{};
  get(construction, name, &value, status.get());
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status.get());
  return value;
}

inline int32_t IntAttribute(TF_OpKernelConstruction* construction, const char* name) {
  return Attribute<int32_t>(construction, name, TF_OpKernelConstruction_GetAttrInt32);
}

inline float FloatAttribute(TF_OpKernelConstruction* construction, const char* name) {
  return Attribute<float>(construction, name, TF_OpKernelConstruction_GetAttrFloat);
}

inline TF_DataType TypeAttribute(TF_OpKernelConstruction* construction, const char* name) {
  return Attribute<TF_DataType>(construction, name, TF_OpKernelConstruction_GetAttrType);
}

inline std::vector<int32_t> IntsAttribute(TF_OpKernelConstruction* construction, const char* name) {
  Status status;
  int32_t size = 0, bytes = 0;
  TF_OpKernelConstruction_GetAttrSize(construction, name, &size, &bytes, status.get());
  std::vector<int32_t> values(std::max(size, 0));
  if (status.ok()) TF_OpKernelConstruction_GetAttrInt32List(construction, name, values.data(), size, status.get());
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status.get());
  return values;
}

struct Declaration {
  const char* name;
  std::initializer_list<const char*> inputs;
  std::initializer_list<const char*> attributes;
  std::initializer_list<const char*> outputs;
};

// Makes an op known to TensorFlow, on the processor. It may write into its inputs, so that it is neither left out nor done
// once for two. `Kernel` is made from its attributes and has Compute().
template <typename Kernel>
bool Register(const Declaration& op) {
  Status status;
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(op.name);
  for (const char* input : op.inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* attribute : op.attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute);
  for (const char* output : op.outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  TF_OpDefinitionBuilderSetIsStateful(definition, true);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(
      definition, [](TF_ShapeInferenceContext* context, TF_Status* status) { TF_ShapeInferenceContextSetUnknownShape(context, status); });
  TF_RegisterOpDefinition(definition, status.get());
  if (!status.ok()) return false;
  TF_KernelBuilder* builder = TF_NewKernelBuilder(
      op.name, "CPU", [](TF_OpKernelConstruction* construction) -> void* { return new Kernel(construction); },
      [](void* kernel, TF_OpKernelContext* context) { static_cast<Kernel*>(kernel)->Compute(context); },
      [](void* kernel) { delete static_cast<Kernel*>(kernel); });
  TF_RegisterKernelBuilder(op.name, builder, status.get());
  return status.ok();
}

}  // namespace cft

#endif  // CFT_KERNELS_OP_H_
