// The fused oneDNN operators of libtorch that its C++ interface does not name: they are reached through the dispatcher.
//
// Every function returns a new tensor, or null with the reason in `*error` (to be freed by jostle_free). No exception
// leaves this file: unwinding into Rust is undefined.
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <cstdlib>
#include <cstring>

namespace {

// What a convolution is, apart from its weights. Mirrors `Geometry` in operator.rs.
struct Geometry {
  int64_t padding;
  int64_t stride;
  int64_t groups;
};

// What follows a convolution. Mirrors `Activation` in operator.rs.
enum Activation : int32_t { NONE = 0, RELU = 1, RELU6 = 2 };

void push_geometry(torch::jit::Stack& stack, const Geometry& g) {
  stack.emplace_back(std::vector<int64_t>{g.padding, g.padding});
  stack.emplace_back(std::vector<int64_t>{g.stride, g.stride});
  stack.emplace_back(std::vector<int64_t>{1, 1});
  stack.emplace_back(g.groups);
}

// The name, scalars and algorithm by which oneDNN knows the activation.
void push_activation(torch::jit::Stack& stack, int32_t activation) {
  c10::List<std::optional<at::Scalar>> scalars;
  if (activation == RELU6) {
    scalars.push_back(at::Scalar(0.0));
    scalars.push_back(at::Scalar(6.0));
  }
  stack.emplace_back(std::string(activation == RELU6 ? "hardtanh" : activation == RELU ? "relu" : "none"));
  stack.emplace_back(scalars);
  stack.emplace_back(std::string(""));
}

at::Tensor* call(const char* name, const char* overload, torch::jit::Stack& stack) {
  c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).callBoxed(stack);
  return new at::Tensor(stack.at(0).toTensor());
}

template <typename F>
at::Tensor* guarded(char** error, F f) {
  try {
    return f();
  } catch (const std::exception& e) {
    *error = strdup(e.what());
  } catch (...) {
    *error = strdup("unknown C++ exception");
  }
  return nullptr;
}

}  // namespace

extern "C" {

void jostle_free(char* text) { std::free(text); }

// The weight in the layout that oneDNN wants for inputs of exactly this size (n, c, h, w).
at::Tensor* jostle_prepack(const at::Tensor* weight, const Geometry* g, const int64_t* input, char** error) {
  return guarded(error, [&] {
    torch::jit::Stack stack;
    stack.emplace_back(weight->contiguous(at::MemoryFormat::ChannelsLast));
    push_geometry(stack, *g);
    stack.emplace_back(std::vector<int64_t>(input, input + 4));
    return call("mkldnn::_reorder_convolution_weight", "", stack);
  });
}

// activation(conv(input))
at::Tensor* jostle_conv(const at::Tensor* input, const at::Tensor* weight, const at::Tensor* bias, const Geometry* g,
                        int32_t activation, char** error) {
  return guarded(error, [&] {
    torch::jit::Stack stack;
    stack.emplace_back(*input);
    stack.emplace_back(*weight);
    stack.emplace_back(*bias);
    push_geometry(stack, *g);
    push_activation(stack, activation);
    return call("mkldnn::_convolution_pointwise", "", stack);
  });
}

// other = activation(other + conv(input)), in place; oneDNN offers relu or nothing after the sum.
at::Tensor* jostle_conv_add(at::Tensor* other, const at::Tensor* input, const at::Tensor* weight, const at::Tensor* bias,
                            const Geometry* g, int32_t activation, char** error) {
  return guarded(error, [&] {
    torch::jit::Stack stack;
    stack.emplace_back(*other);
    stack.emplace_back(*input);
    stack.emplace_back(*weight);
    stack.emplace_back(*bias);
    push_geometry(stack, *g);
    stack.emplace_back(std::string("add"));
    stack.emplace_back(at::Scalar(1.0));
    if (activation == NONE) {
      stack.emplace_back();
      stack.emplace_back(c10::List<std::optional<at::Scalar>>());
      stack.emplace_back();
    } else {
      push_activation(stack, activation);
    }
    return call("mkldnn::_convolution_pointwise_", "binary", stack);
  });
}

}
