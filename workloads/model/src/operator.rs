//! The fused convolution: the one place that calls the C++ shim, hence the one place with `unsafe`.

use std::{
    ffi::{CStr, c_char},
    ptr::null_mut,
};

use jostle_kernel::KernelError;
use tch::{TchError, Tensor};
use torch_sys::C_tensor;

/// What a convolution is, apart from its weights. The shim reads this layout.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Geometry {
    pub(crate) padding: i64,
    pub(crate) stride: i64,
    pub(crate) groups: i64,
}

/// What follows a convolution. The shim reads these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Activation {
    None = 0,
    Relu = 1,
    Relu6 = 2,
}

unsafe extern "C" {
    fn jostle_free(text: *mut c_char);
    fn jostle_prepack(
        weight: *const C_tensor,
        geometry: *const Geometry,
        input: *const i64,
        error: *mut *mut c_char,
    ) -> *mut C_tensor;
    fn jostle_conv(
        input: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        geometry: *const Geometry,
        activation: Activation,
        error: *mut *mut c_char,
    ) -> *mut C_tensor;
    fn jostle_conv_add(
        other: *mut C_tensor,
        input: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        geometry: *const Geometry,
        activation: Activation,
        error: *mut *mut c_char,
    ) -> *mut C_tensor;
}

/// A convolution with bias and activation, its weights laid out for one input size.
pub(crate) struct FusedConvolution {
    weight: Tensor,
    bias: Tensor,
    geometry: Geometry,
    activation: Activation,
}

impl FusedConvolution {
    /// Lays `weight` out for inputs of exactly `input` (n, c, h, w). A wrong size computes right, several times slower.
    pub(crate) fn pack(
        weight: &Tensor,
        bias: Tensor,
        geometry: Geometry,
        activation: Activation,
        input: [i64; 4],
    ) -> Result<Self, KernelError> {
        // SAFETY: the tensor lives through the call, `input` holds the four numbers that the shim reads.
        let weight =
            checked(|error| unsafe { jostle_prepack(weight.as_ptr().cast(), &geometry, input.as_ptr(), error) })?;
        Ok(Self { weight, bias, geometry, activation })
    }

    /// activation(conv(input)).
    pub(crate) fn forward(&self, input: &Tensor) -> Result<Tensor, KernelError> {
        let (weight, bias) = (self.weight.as_ptr().cast(), self.bias.as_ptr().cast());
        // SAFETY: all tensors live through the call, which only reads them.
        checked(|error| unsafe {
            jostle_conv(input.as_ptr().cast(), weight, bias, &self.geometry, self.activation, error)
        })
    }

    /// activation(other + conv(input)), computed in `other`'s memory, which it takes.
    pub(crate) fn forward_add(&self, input: &Tensor, other: Tensor) -> Result<Tensor, KernelError> {
        let (weight, bias) = (self.weight.as_ptr().cast(), self.bias.as_ptr().cast());
        let into = other.as_ptr().cast_mut().cast();
        // SAFETY: all tensors live through the call. It writes to `other` alone, which nobody looks at afterwards: we own
        // it, and the result is a second reference to the same storage.
        checked(|error| unsafe {
            jostle_conv_add(into, input.as_ptr().cast(), weight, bias, &self.geometry, self.activation, error)
        })
    }
}

/// Takes the tensor that a shim function returned, or its error text.
fn checked(call: impl FnOnce(*mut *mut c_char) -> *mut C_tensor) -> Result<Tensor, KernelError> {
    let mut error = null_mut();
    let tensor = call(&mut error);
    if !tensor.is_null() {
        // SAFETY: the shim returns a new tensor on the heap, as tch's own bindings do; tch frees it.
        return Ok(unsafe { Tensor::from_ptr(tensor) });
    }
    if error.is_null() {
        return Err(KernelError::Compute("libtorch returned nothing".into()));
    }
    // SAFETY: with a null tensor the shim leaves a text of its own in `error`, to be freed once.
    let text = unsafe {
        let text = CStr::from_ptr(error).to_string_lossy().into_owned();
        jostle_free(error);
        text
    };
    Err(KernelError::Compute(first_line(&text)))
}

/// A failure of one of tch's own operators.
pub(crate) fn compute(error: TchError) -> KernelError {
    KernelError::Compute(first_line(&error.to_string()))
}

/// libtorch's messages carry a C++ backtrace after the first line.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("unknown error of libtorch").to_owned()
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    /// An exception of libtorch arrives as an error with its message.
    #[test]
    fn mismatched_channels_are_an_error() {
        let float = (Kind::Float, Device::Cpu);
        let geometry = Geometry { padding: 1, stride: 1, groups: 1 };
        let weight = Tensor::zeros([8, 3, 3, 3], float);
        let bias = Tensor::zeros([8], float);
        let conv = FusedConvolution::pack(&weight, bias, geometry, Activation::Relu, [1, 3, 8, 8]).unwrap();
        let wrong = Tensor::zeros([1, 5, 8, 8], float);
        let Err(KernelError::Compute(why)) = conv.forward(&wrong) else { panic!("5 channels were taken for 3") };
        assert!(!why.is_empty() && !why.contains('\n'), "{why}");
    }
}
