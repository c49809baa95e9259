//! Pods that get less memory than what runs in them takes.

use crate::{
    bench::Bench,
    local::{alone, nothing_left, small},
};

/// A memory limit that is too small for what runs in the pod is named with the pod and the field, whoever's it is.
#[test]
fn too_little_memory() {
    let _alone = alone();
    for (name, from, to, pod, field) in [
        (
            "forgetful",
            "limits: { cpu: 62.5% }",
            "limits: { cpu: 62.5%, memory: 64Ki }",
            "pod executor-n",
            "accepted: a larger spec.primary.resources.limits.memory",
        ),
        (
            "crammed",
            "resources: { requests: { cpu: 4% } }",
            "resources: { requests: { cpu: 4% }, limits: { memory: 64Ki } }",
            "pod tenant-",
            "accepted: a larger resources.limits.memory of the aggressor",
        ),
    ] {
        let bench = Bench::new();
        let text = small(name, 3);
        assert!(text.contains(from), "{from}");
        let done = bench.run(&["run", bench.file("small.yaml", text.replace(from, to))]);
        assert_eq!(done.code(), 3, "{}{}", done.out(), done.err());
        for words in [pod, "reached its memory limit of 64Ki", field] {
            assert!(done.err().contains(words), "{words}: {}", done.err());
        }
        nothing_left(&bench);
    }
}
