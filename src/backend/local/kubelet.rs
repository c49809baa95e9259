//! The kubelet's rules from requests and limits to control group values. Pure.
//!
//! After Kubernetes `pkg/kubelet/cm/helpers_linux.go` (`MilliCPUToShares`, `MilliCPUToQuota`, `ResourceConfigForPod`),
//! `qos_container_manager_linux.go` (the classes' parents) and `pkg/apis/core/v1/helper/qos` (`ComputePodQOS`).

use crate::{
    backend::Resources,
    cgroup::{PERIOD_US, tree},
    units::{Bytes, Millicores},
};

/// Of pods without a request, and of the BestEffort parent: the kernel's minimum.
pub(super) const MIN_SHARES: u64 = 2;
/// The kernel's maximum.
const MAX_SHARES: u64 = 262_144;
/// The kernel's minimum, in microseconds.
const MIN_QUOTA_US: u64 = 1000;

/// Quality-of-service class of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Guaranteed,
    Burstable,
    BestEffort,
}

impl Class {
    /// The group between node and pod; Guaranteed pods have none.
    pub(super) fn parent(self) -> Option<&'static str> {
        match self {
            Self::Guaranteed => None,
            Self::Burstable => Some(tree::BURSTABLE),
            Self::BestEffort => Some(tree::BEST_EFFORT),
        }
    }
}

/// What is written for one pod.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PodValues {
    pub(super) class: Class,
    /// The request that counts: as given, else the limit, else nothing.
    pub(super) request: Millicores,
    pub(super) shares: u64,
    /// Per [`PERIOD_US`], in microseconds.
    pub(super) quota_us: Option<u64>,
    pub(super) memory_limit: Option<Bytes>,
}

/// Relative weight for a request.
pub(super) fn shares(request: Millicores) -> u64 {
    ((request.0 * 1024.0 / 1000.0) as u64).clamp(MIN_SHARES, MAX_SHARES)
}

/// CPU time per period, in microseconds, rounded down, so that children's quotas never exceed their parent's by rounding.
pub(super) fn quota_us(limit: Millicores) -> u64 {
    ((limit.0 * PERIOD_US as f64 / 1000.0) as u64).max(MIN_QUOTA_US)
}

/// The values for a pod. As the API server has it, a request that is not given is its limit; a quantity of zero counts as not given.
pub(super) fn pod(resources: &Resources) -> PodValues {
    let cpu = |quantity: Option<Millicores>| quantity.filter(|q| q.0 > 0.0);
    let memory = |quantity: Option<Bytes>| quantity.filter(|q| q.0 > 0);
    let (cpu_limit, memory_limit) = (cpu(resources.cpu_limit), memory(resources.memory_limit));
    let cpu_request = cpu(resources.cpu_request).or(cpu_limit);
    let memory_request = memory(resources.memory_request).or(memory_limit);
    let class = if cpu_request.is_none() && memory_request.is_none() {
        Class::BestEffort
    } else if cpu_limit.is_some()
        && memory_limit.is_some()
        && cpu_request == cpu_limit
        && memory_request == memory_limit
    {
        Class::Guaranteed
    } else {
        Class::Burstable
    };
    let request = cpu_request.unwrap_or(Millicores(0.0));
    PodValues { class, request, shares: shares(request), quota_us: cpu_limit.map(quota_us), memory_limit }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resources(cpu: (f64, f64), memory: (u64, u64)) -> Resources {
        Resources {
            cpu_request: (cpu.0 > 0.0).then_some(Millicores(cpu.0)),
            cpu_limit: (cpu.1 > 0.0).then_some(Millicores(cpu.1)),
            memory_request: (memory.0 > 0).then_some(Bytes(memory.0)),
            memory_limit: (memory.1 > 0).then_some(Bytes(memory.1)),
        }
    }

    /// The kubelet's own examples (`helpers_linux_test.go`), and its classes.
    #[test]
    fn kubelet_values() {
        assert_eq!([0.0, 1.0, 2.0, 100.0, 1000.0].map(|m| shares(Millicores(m))), [2, 2, 2, 102, 1024]);
        assert_eq!(
            [5.0, 10.0, 70.3125, 200.0, 1500.0].map(|m| quota_us(Millicores(m))),
            [1000, 1000, 7031, 20_000, 150_000]
        );
        let class = |cpu, memory| pod(&resources(cpu, memory)).class;
        assert_eq!(class((0.0, 0.0), (0, 0)), Class::BestEffort);
        assert_eq!(class((70.0, 0.0), (0, 0)), Class::Burstable);
        assert_eq!(class((70.0, 70.0), (0, 0)), Class::Burstable);
        assert_eq!(class((0.0, 0.0), (512, 0)), Class::Burstable);
        assert_eq!(class((70.0, 70.0), (512, 512)), Class::Guaranteed);
        assert_eq!(class((0.0, 70.0), (0, 512)), Class::Guaranteed);
        assert_eq!(class((60.0, 70.0), (512, 512)), Class::Burstable);
    }

    /// A pod without a request gets the minimum; a limit alone is the request too.
    #[test]
    fn requests_decide_shares() {
        let memory_only = pod(&resources((0.0, 0.0), (512, 0)));
        assert_eq!((memory_only.shares, memory_only.quota_us, memory_only.memory_limit), (2, None, None));
        let limit_only = pod(&resources((0.0, 500.0), (0, 1024)));
        assert_eq!(
            (limit_only.shares, limit_only.quota_us, limit_only.memory_limit),
            (512, Some(50_000), Some(Bytes(1024)))
        );
        assert_eq!(limit_only.request, Millicores(500.0));
    }

    proptest! {
        /// Shares are within the kernel's bounds, never fall as requests grow, and are proportional to within rounding.
        #[test]
        fn shares_follow_requests(a in 0.0..300_000.0_f64, b in 0.0..300_000.0_f64) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(shares(Millicores(low)) <= shares(Millicores(high)));
            let value = shares(Millicores(a));
            prop_assert!((MIN_SHARES..=MAX_SHARES).contains(&value));
            if (2.0..256_000.0).contains(&a) {
                prop_assert!((value as f64 - a * 1.024).abs() <= 1.0);
            }
        }

        /// A quota is never above its limit (from 10m on), never more than 1 us below, and parts never exceed their sum.
        #[test]
        fn quotas_round_down(parts in prop::collection::vec(10.0..2000.0_f64, 1..20)) {
            let sum: f64 = parts.iter().sum();
            let quotas: u64 = parts.iter().map(|p| quota_us(Millicores(*p))).sum();
            prop_assert!(quotas <= quota_us(Millicores(sum + 1e-6)));
            for p in parts {
                let exact = p * 100.0;
                let quota = quota_us(Millicores(p)) as f64;
                prop_assert!(quota <= exact && quota > exact - 1.0);
            }
        }
    }
}
