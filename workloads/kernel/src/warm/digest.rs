//! One number for all that decides what is computed: the request, the weights, the pictures.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jostle_protocol::kernel::KernelSpec;
use sha2::{Digest, Sha256};

use crate::{Kernel, KernelError};

/// SHA-256 in hexadecimal. Paths do not count, contents do: the same files elsewhere give the same digest.
///
/// # Errors
/// Where a file cannot be read.
pub fn of(spec: &KernelSpec, kernel: &dyn Kernel) -> Result<String, KernelError> {
    let mut sha = Sha256::new();
    for part in [
        format!("{:?}", spec.network),
        spec.image_size.to_string(),
        spec.seed.to_string(),
        format!("{:?}", spec.spin_cost_us),
        kernel.images().to_string(),
        kernel.provenance(),
    ] {
        add(&mut sha, part.as_bytes());
    }
    if let Some(weights) = &spec.weights {
        add_file(&mut sha, weights)?;
    }
    if let Some(folder) = &spec.folder {
        for class in entries(folder)? {
            for picture in entries(&class)? {
                let name = picture.strip_prefix(folder).unwrap_or(&picture);
                add(&mut sha, name.as_os_str().as_encoded_bytes());
                add_file(&mut sha, &picture)?;
            }
        }
    }
    Ok(sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// With its length before it, so that no two lists of parts look the same.
fn add(sha: &mut Sha256, part: &[u8]) {
    sha.update((part.len() as u64).to_le_bytes());
    sha.update(part);
}

fn add_file(sha: &mut Sha256, path: &Path) -> Result<(), KernelError> {
    let told = |error: io::Error| KernelError::File { path: path.to_owned(), why: error.to_string() };
    let mut file = File::open(path).map_err(told)?;
    let length = io::copy(&mut file, sha).map_err(told)?;
    sha.update(length.to_le_bytes());
    Ok(())
}

/// What a folder holds, sorted; nothing where it is a file.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, KernelError> {
    let told = |error: io::Error| KernelError::File { path: folder.to_owned(), why: error.to_string() };
    if folder.is_file() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        paths.push(entry.map_err(told)?.path());
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use jostle_protocol::kernel::Network;

    use super::*;
    use crate::spin;

    fn folder_with(content: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cat")).unwrap();
        fs::write(folder.path().join("cat/a.jpg"), content).unwrap();
        fs::write(folder.path().join("README"), content).unwrap();
        folder
    }

    /// The digest follows the contents of pictures and weights and the request, and not where the files are.
    #[test]
    fn digest_follows_what_is_computed() {
        let (one, same, other) = (folder_with("1"), folder_with("1"), folder_with("2"));
        let digest = |folder: &tempfile::TempDir, weights: Option<&str>, seed: u64| {
            let spec = KernelSpec {
                network: Network::Spin,
                image_size: 64,
                folder: Some(folder.path().to_owned()),
                weights: weights.map(|name| folder.path().join(name)),
                seed,
                spin_cost_us: Some(1),
            };
            of(&spec, spin::open(&spec).unwrap().as_ref())
        };
        let base = digest(&one, None, 1).unwrap();
        assert_eq!(base, digest(&same, None, 1).unwrap());
        for different in [digest(&other, None, 1), digest(&one, Some("README"), 1), digest(&one, None, 2)] {
            assert_ne!(base, different.unwrap());
        }
        let missing = digest(&one, Some("none.safetensors"), 1).unwrap_err().to_string();
        assert!(missing.contains("none.safetensors"), "{missing}");
    }
}
