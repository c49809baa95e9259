//! Programs good and bad, made by tracing.

use std::fs;

use super::*;

const SIDE: i64 = 64;

/// Traces `compute` over one picture and writes the file.
fn traced(folder: &Path, compute: impl FnMut(&[Tensor]) -> Vec<Tensor>) -> PathBuf {
    let _no_grad = tch::no_grad_guard();
    let mut compute = compute;
    let picture = Tensor::rand([1, 3, SIDE, SIDE], (Kind::Float, Device::Cpu));
    let module = CModule::create_by_tracing("net", "forward", &[picture], &mut compute).unwrap();
    let path = folder.join("net.pt");
    module.save(&path).unwrap();
    path
}

/// A picture as they come: channels last, growing from corner to corner.
fn picture() -> Tensor {
    let values = Tensor::arange(SIDE * SIDE * 3, (Kind::Float, Device::Cpu)) / (SIDE * SIDE * 3) as f64;
    values.view([1, SIDE, SIDE, 3]).permute([0, 3, 1, 2])
}

fn refusal(path: &Path, classes: usize) -> String {
    let _no_grad = tch::no_grad_guard();
    let error = Program::load(path, classes).and_then(|program| program.forward(&picture())).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: ", path.display())) && error.contains("; accepted: "), "{error}");
    assert!(!error.contains('\n'), "{error}");
    error
}

/// The mean of every colour, as a program: its answers are those of the operators that it was traced from, whatever the picture.
#[test]
fn a_program_computes_what_it_was_traced_from() {
    let _no_grad = tch::no_grad_guard();
    let folder = tempfile::tempdir().unwrap();
    let means = |x: &Tensor| x.view([1, 3, -1]).mean_dim([2i64].as_slice(), false, None);
    let path = traced(folder.path(), |inputs| vec![means(&inputs[0])]);
    let program = Program::load(&path, 3).unwrap();
    let wanted = Vec::<f32>::try_from(means(&picture().contiguous()).flatten(0, -1)).unwrap();
    assert_eq!(program.forward(&picture()).unwrap(), wanted);
    assert_ne!(wanted[0], wanted[2], "pictures of one colour would prove nothing");
    assert_eq!(program.provenance(), "TorchScript program net.pt");
}

/// What libtorch did not write, or did not write as a program, is refused by name with a way to make one; cut anywhere, too.
#[test]
fn files_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = traced(folder.path(), |inputs| vec![inputs[0].mean_dim([2i64, 3].as_slice(), false, None)]);
    let bytes = fs::read(&path).unwrap();
    let other = folder.path().join("other.pt");
    for bad in
        [&b""[..], b"PK\x03\x04", b"\x80\x02}q\x00.", &bytes[..bytes.len() / 2], &bytes[..bytes.len() - 1], &[0; 4096]]
    {
        fs::write(&other, bad).unwrap();
        let error = refusal(&other, 1);
        assert!(error.contains("is no TorchScript program") && error.contains("torch.jit.trace"), "{error}");
    }
    // Tensors alone, as torch.save writes a state_dict.
    Tensor::save_multi(&[("weight", Tensor::zeros([3], (Kind::Float, Device::Cpu)))], &other).unwrap();
    assert!(Program::load(&folder.path().join("absent.pt"), 1).is_err());
}

/// A program that wants something else than a picture is refused with the picture's shape and libtorch's reason.
#[test]
fn wrong_input() {
    let folder = tempfile::tempdir().unwrap();
    let weight = Tensor::zeros([10, 784], (Kind::Float, Device::Cpu));
    let module = {
        let _no_grad = tch::no_grad_guard();
        let line = Tensor::zeros([1, 784], (Kind::Float, Device::Cpu));
        CModule::create_by_tracing("net", "forward", &[line], &mut |x: &[Tensor]| {
            vec![x[0].linear(&weight, None::<&Tensor>)]
        })
        .unwrap()
    };
    let path = folder.path().join("digits.pt");
    module.save(&path).unwrap();
    let error = refusal(&path, 1);
    assert!(error.contains("does not take a picture of shape [1, 3, 64, 64]"), "{error}");
    assert!(error.contains("shapes cannot be multiplied"), "{error}");
}

/// An answer of another shape, of too few classes, or that is no number, is refused.
#[test]
fn wrong_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = traced(folder.path(), |x| vec![x[0].shallow_clone() * 2.0]);
    assert!(refusal(&path, 3).contains("answers with a tensor of shape [1, 3, 64, 64]; accepted: (1, classes)"));
    let path = traced(folder.path(), |x| vec![x[0].mean_dim([2i64, 3].as_slice(), false, None)]);
    assert!(refusal(&path, 5).contains("answers with 3 numbers; accepted: one for each of the 5 classes"));
    let path = traced(folder.path(), |x| vec![x[0].mean_dim([2i64, 3].as_slice(), false, None).log()]);
    let negative = Tensor::full([1, 3, SIDE, SIDE], -1.0, (Kind::Float, Device::Cpu));
    let error = Program::load(&path, 3).unwrap().forward(&negative).unwrap_err().to_string();
    assert!(error.contains("answers with 0 finite numbers of 3"), "{error}");
    let path = traced(folder.path(), |x| {
        let mean = x[0].mean_dim([2i64, 3].as_slice(), false, None);
        vec![&mean / (&mean - &mean)]
    });
    assert!(refusal(&path, 3).contains("finite numbers of 3; accepted: a program"));
    // Tracing makes no program that answers with several tensors; scripting does.
    assert_eq!(kind(&IValue::Tuple(vec![IValue::None, IValue::None])), "a tuple of 2");
}
