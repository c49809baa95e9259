//! Pods that get less memory than what runs in them takes.

use crate::{
    bench::Bench,
    small::{alone, nothing_left, small},
};

/// `small`, with a command that takes ever more memory as the job, or as the co-tenant.
fn greedy(name: &str, job: bool) -> String {
    const COMMAND: &str = "command: [sh, -c, 'while :; do echo done 1; tail /dev/zero || exit; done']";
    const LIMITED: &str = "resources: { limits: { cpu: 30%, memory: 16Mi } }";
    let built_in = "workload: spin
    executors: 4
    resources: { requests: { cpu: 62.5% }, limits: { cpu: 62.5% } }
    images: { perIteration: 16, cost: 10ms }";
    let tenant = "workload: spin
          images: { cost: 3ms }
          place: { hosts: 1, on: rotate }
          load: { mode: hostCpu, target: 80%, tolerance: 15pp }
          resources: { requests: { cpu: 4% } }";
    let text = small(name, 3).replace("20pp", "100pp");
    assert!(text.contains(built_in) && text.contains(tenant));
    let place = "place: { hosts: 2 }";
    if job {
        let custom = format!("custom: {{ {COMMAND}, progress: {{ regex: '^done (\\d+)$' }}, counts: each }}");
        text.replace(built_in, &format!("workload: custom\n    executors: 4\n    {LIMITED}\n    {custom}"))
    } else {
        text.replace(
            tenant,
            &format!("workload: custom\n          custom: {{ {COMMAND} }}\n          {place}\n          {LIMITED}"),
        )
    }
}

/// A memory limit that is too small for what runs in the pod is named with the pod and the field, whoever's it is; nothing is left.
#[test]
fn too_little_memory() {
    let _alone = alone();
    for (job, pod, field) in [
        (true, "pod executor-n", "accepted: a larger spec.primary.resources.limits.memory"),
        (false, "pod tenant-burner-", "accepted: a larger resources.limits.memory of the aggressor"),
    ] {
        let bench = Bench::new();
        let done = bench.run(&["run", bench.file("greedy.yaml", greedy("greedy", job))]);
        assert_eq!(done.code(), 3, "{}{}", done.out(), done.err());
        for words in [pod, "reached its memory limit of 16Mi, and the kernel killed a process of it", field] {
            assert!(done.err().contains(words), "{words}: {}", done.err());
        }
        nothing_left(&bench);
    }
}
