//! A network of the user's own: a TorchScript program, taken as it is.
//!
//! What it is given and must answer is checked, since nothing else is known of it: a picture in, one finite number a class out.
//! Deliberately absent: fusing, packing, any other entry than `forward`.

use std::path::{Path, PathBuf};

use jostle_kernel::KernelError;
use tch::{CModule, Device, IValue, Kind, TchError, Tensor};

/// How a user comes by a file that is accepted.
const EXAMPLE: &str = "torch.jit.trace(net.eval(), torch.rand(1, 3, 64, 64)).save(\"net.pt\")";

/// A loaded program.
#[derive(Debug)]
pub(crate) struct Program {
    module: CModule,
    path: PathBuf,
    /// Fewer outputs than this cannot name the class of every picture.
    classes: usize,
}

impl Program {
    /// Loads the file for pictures of so many classes.
    ///
    /// # Errors
    /// [`KernelError::File`] where it is no TorchScript program.
    pub(crate) fn load(path: &Path, classes: usize) -> Result<Self, KernelError> {
        let module = CModule::load_on_device(path, Device::Cpu).map_err(|error| KernelError::File {
            path: path.to_owned(),
            why: format!("is no TorchScript program ({}); accepted: what {EXAMPLE} writes", reason(&error)),
        });
        let mut module = module?;
        // A frozen program has no mode to be set, and is in the right one.
        let _ = module.f_set_eval();
        Ok(Self { module, path: path.to_owned(), classes })
    }

    /// The outputs for one normalised image (1, 3, side, side).
    ///
    /// # Errors
    /// [`KernelError::File`] where the program does not take such an image, or answers anything but one finite number a class.
    pub(crate) fn forward(&self, image: &Tensor) -> Result<Vec<f32>, KernelError> {
        let refused = |why: String| KernelError::File { path: self.path.clone(), why };
        let shape = image.size();
        let takes = |error: TchError| {
            refused(format!(
                "does not take a picture of shape {shape:?} ({}); accepted: what {EXAMPLE} writes",
                reason(&error)
            ))
        };
        // Programs are mostly traced with plain tensors, and may look at an input as if it lay in memory like those.
        let answer =
            image.f_contiguous().and_then(|image| self.module.forward_is(&[IValue::Tensor(image)])).map_err(takes)?;
        let IValue::Tensor(answer) = answer else {
            return Err(refused(format!("answers with {}; accepted: one tensor of shape (1, classes)", kind(&answer))));
        };
        let size = answer.size();
        let outputs = match size.as_slice() {
            [outputs] | [1, outputs] => usize::try_from(*outputs).unwrap_or(0),
            _ => return Err(refused(format!("answers with a tensor of shape {size:?}; accepted: (1, classes)"))),
        };
        if outputs < self.classes {
            return Err(refused(format!(
                "answers with {outputs} numbers; accepted: one for each of the {} classes of pictures, or more",
                self.classes
            )));
        }
        let values = answer.f_to_kind(Kind::Float).and_then(|answer| answer.f_flatten(0, -1));
        let values = values.and_then(|values| Vec::<f32>::try_from(&values));
        let values = values.map_err(|error| {
            refused(format!(
                "answers with what are no numbers ({}); accepted: one tensor of shape (1, classes)",
                reason(&error)
            ))
        })?;
        match values.iter().filter(|value| value.is_finite()).count() {
            finite if finite == outputs => Ok(values),
            finite => Err(refused(format!(
                "answers with {finite} finite numbers of {outputs}; accepted: a program whose every answer is finite"
            ))),
        }
    }

    /// One line for the report.
    pub(crate) fn provenance(&self) -> String {
        format!("TorchScript program {}", self.path.file_name().unwrap_or(self.path.as_os_str()).display())
    }
}

/// What an answer is that is no tensor.
fn kind(answer: &IValue) -> String {
    match answer {
        IValue::Tuple(parts) => format!("a tuple of {}", parts.len()),
        IValue::TensorList(parts) => format!("a list of {} tensors", parts.len()),
        IValue::GenericList(parts) => format!("a list of {}", parts.len()),
        IValue::GenericDict(_) => "a dictionary".to_owned(),
        IValue::None => "nothing".to_owned(),
        _ => "no tensor".to_owned(),
    }
}

/// The line of libtorch's message that says why: the interpreter puts it last, behind its own trace; a C++ trace may follow.
fn reason(error: &TchError) -> String {
    let text = error.to_string();
    let raised = text.lines().rev().find_map(|line| line.trim().strip_prefix("RuntimeError: "));
    let line = raised.or_else(|| text.lines().find(|line| !line.trim().is_empty()));
    line.unwrap_or("unknown error of libtorch").trim().to_owned()
}

#[cfg(test)]
mod tests;
