//! What the user brings is not what it should be: a network, or pictures. What only libtorch can tell is told by a script in the place
//! of the program with libtorch; that program's own refusals are tested beside it (`workloads/torch/tests`).

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    bench::{Bench, Done},
    small::{alone, nothing_left},
};

const DEMO: &str = include_str!("../../../examples/demo.yaml");

/// The demo with a network and pictures of one's own, which lie beside the file; its tenants need neither.
fn own() -> String {
    let replaced = [
        ("workload: resnet50", "workload: torchscript\n    model: net.pt"),
        ("folder: default", "folder: pictures"),
        ("workload: mobilenetv2", "workload: spin"),
    ];
    replaced.into_iter().fold(DEMO.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

/// A file that is no network is refused by name before anything is touched, with the way to make one.
#[test]
fn a_model_that_is_none() {
    for (make, why) in [
        ((|_| {}) as fn(&Path), "No such file"),
        (|path| fs::create_dir(path).unwrap(), "is no regular file"),
        (|path| fs::write(path, "").unwrap(), "is no TorchScript file"),
        (|path| fs::write(path, "weights").unwrap(), "is no TorchScript file"),
        (|path| drop(std::os::unix::fs::symlink("/dev/zero", path)), "is no regular file"),
    ] {
        let bench = Bench::new();
        fs::create_dir_all(bench.path("there/pictures/tabby")).unwrap();
        fs::write(bench.path("there/own.yaml"), own()).unwrap();
        let model = bench.path("there/net.pt");
        make(&model);
        let done = bench.run(&["run", "there/own.yaml"]);
        assert_eq!(done.code(), 3, "{}", done.err());
        assert!(done.err().contains(&format!("model {}: {why}", model.display())), "{why}: {}", done.err());
        assert!(done.err().contains("accepted: a file, from the experiment file's folder"), "{}", done.err());
        assert!(done.err().contains("torch.jit.trace(net.eval()"), "{}", done.err());
        assert_eq!(bench.names(), ["there"]);
    }
}

/// A folder of pictures that is none, told from the experiment file's folder.
#[test]
fn pictures_that_are_none() {
    for (made, why) in [("", "No such file"), ("there/pictures", "holds no class")] {
        let bench = Bench::new();
        fs::create_dir_all(bench.path("there").join("x")).unwrap();
        if !made.is_empty() {
            fs::create_dir_all(bench.path(made)).unwrap();
        }
        fs::write(bench.path("there/net.pt"), "PK\x03\x04").unwrap();
        fs::write(bench.path("there/own.yaml"), own()).unwrap();
        let done = bench.run(&["run", "there/own.yaml"]);
        assert_eq!(done.code(), 3, "{}", done.err());
        let folder = bench.path("there/pictures");
        assert!(done.err().contains(&format!("images.folder {}: {why}", folder.display())), "{}", done.err());
        assert!(done.err().contains("one sub-folder of pictures per class"), "{}", done.err());
        assert_eq!(bench.names(), ["there"]);
    }
}

/// Programs beside each other as a build makes them, those with libtorch being a script that notes what it is asked for and refuses it.
fn programs(bench: &Bench, why: &str) {
    let built = Path::new(env!("CARGO_BIN_EXE_jostle"));
    fs::create_dir(bench.path("bin")).unwrap();
    for program in ["jostle", "jostle-primary", "jostle-inference"] {
        fs::copy(built.with_file_name(program), bench.path("bin").join(program)).unwrap();
    }
    for program in ["jostle-primary-torch", "jostle-inference-torch"] {
        let path = bench.path("bin").join(program);
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --help ] && exit\nread -r asked\necho \"$asked\" > \"{}\"\necho '{{\"type\":\"refused\",\"why\":\"{why}\"}}'\n",
            bench.path("asked").display()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// What libtorch refuses (a wrong shape, a number that is none, broken pictures) ends the run with exit code 3 and its words, and nothing
/// is left; the program is asked with paths from the experiment file's folder. The same for job and tenants.
#[test]
fn a_kernel_that_is_refused() {
    let _alone = alone();
    const WHY: &str = "net.pt: answers with 9 finite numbers of 10; accepted: a program whose every answer is finite";
    let of_tenants = own().replace("workload: torchscript\n    model: net.pt", "workload: spin");
    let of_tenants =
        of_tenants.replacen("          workload: spin", "          workload: torchscript\n          model: net.pt", 1);
    let of_tenants = of_tenants.replace("images: { size: 96 }", "images: { size: 96, folder: pictures }");
    for (text, component) in [(own(), "warm-primary"), (of_tenants, "warm-mlperf")] {
        let bench = Bench::new();
        programs(&bench, WHY);
        fs::create_dir_all(bench.path("there/pictures/tabby")).unwrap();
        fs::write(bench.path("there/net.pt"), "PK\x03\x04").unwrap();
        fs::write(bench.path("there/own.yaml"), text).unwrap();
        let mut command = Command::new(bench.path("bin/jostle"));
        command.current_dir(bench.path(".")).env("XDG_CACHE_HOME", bench.path("cache"));
        let done = Done(command.args(["run", "there/own.yaml"]).stdin(Stdio::null()).output().unwrap());
        assert_eq!(done.code(), 3, "{}", done.err());
        assert!(done.err().contains(&format!("{component}: {WHY}")), "{}", done.err());
        let asked = bench.read("asked");
        for path in ["there/net.pt", "there/pictures"] {
            assert!(asked.contains(&format!("\"{}\"", bench.path(path).display())), "{asked}");
        }
        assert!(asked.contains("\"network\":\"torchscript\""), "{asked}");
        nothing_left(&bench);
        assert_eq!(bench.names(), ["asked", "bin", "there"]);
    }
}
