//! Where `make setup` puts what kernels read: `$XDG_CACHE_HOME/jostle`, or `~/.cache/jostle`, or `/var/cache/jostle` for a user without a home.

use std::{env, path::PathBuf};

/// The versions that are installed; set-up's scripts name them, too.
const PICTURES: &str = "pictures-1";
const WEIGHTS: &str = "weights-1/mobilenetv2.safetensors";

/// The cache.
pub fn directory() -> PathBuf {
    // Relative ones are ignored, as the XDG specification asks: the cache would be wherever the command is typed.
    let given = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::home_dir().filter(|path| path.is_absolute()).map(|home| home.join(".cache"));
    given.or_else(home).unwrap_or_else(|| PathBuf::from("/var/cache")).join("jostle")
}

/// Pictures, one sub-folder per class.
pub fn pictures() -> PathBuf {
    directory().join(PICTURES)
}

/// MobileNetV2's weights.
pub fn mobilenetv2() -> PathBuf {
    directory().join(WEIGHTS)
}
