//! Names inside jostle's own tree, written by the local backend and read back by the agent:
//! `jostle/RUN/host-0/n0-0/{burstable,besteffort}/pod-ROLE-NAME` and `jostle/RUN/reserve/COMPONENT`. On version 2 a user's tree is below the group that was
//! delegated to it.

/// The group above all runs.
pub const TOP: &str = "jostle";
/// The group, below a run's, of what measures.
pub const RESERVE: &str = "reserve";
/// Parent of the Burstable pods of a node; Guaranteed pods are directly below the node, as the kubelet has it.
pub const BURSTABLE: &str = "burstable";
/// Parent of the BestEffort pods of a node.
pub const BEST_EFFORT: &str = "besteffort";

/// The last part of a pod's path.
pub fn pod(role: &str, name: &str) -> String {
    format!("pod-{role}-{name}")
}

/// Role and name of a pod, from the last part of its path; `None` for what is no pod.
pub fn parse_pod(directory: &str) -> Option<(&str, &str)> {
    directory.strip_prefix("pod-")?.split_once('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the backend writes, the agent reads; names may have dashes.
    #[test]
    fn pods_round_trip() {
        assert_eq!(pod("primary", "executor-n0-0"), "pod-primary-executor-n0-0");
        assert_eq!(parse_pod("pod-primary-executor-n0-0"), Some(("primary", "executor-n0-0")));
        assert_eq!(parse_pod(BURSTABLE), None);
    }
}
