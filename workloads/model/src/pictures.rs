//! A folder of pictures, one sub-folder per class, decoded and scaled once; random or central crops of them.

use std::{
    fs,
    io::{self, Cursor},
    path::{Path, PathBuf},
};

use image::{ImageFormat, ImageReader, RgbImage, imageops, imageops::FilterType};
use jostle_kernel::KernelError;
use tch::Tensor;

use crate::{architecture::CLASSES, operator::compute};

/// Short side of a scaled picture, in pixels; the published accuracies use it for crops of 224.
const SHORT_SIDE: u32 = 256;
/// Of this many pictures one may be broken: a set is worn, not wrong. More would change what is measured.
const ONE_BROKEN_OF: usize = 100;
/// So many that are left out are named in the report.
const NAMED: usize = 3;
/// A picture longer than this many times its width would be scaled to something that fills the memory.
const LONGEST: u32 = 16;
/// ImageNet's mean and standard deviation of red, green and blue, as fractions of full scale.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// All pictures of a folder, sorted by class and file name; never empty.
pub(crate) struct Pictures {
    pictures: Vec<Picture>,
    /// `CLASS/FILE` of those that cannot be used.
    broken: Vec<String>,
}

/// One picture as RGB bytes.
pub(crate) struct Picture {
    /// `CLASS/FILE`.
    pub(crate) name: String,
    /// Index of its class, from 0.
    pub(crate) label: u32,
    rgb: RgbImage,
}

impl Pictures {
    /// Decodes every `.jpg`, `.jpeg` and `.png` in the sub-folders of `folder`, for crops of `side` pixels.
    ///
    /// A folder's label is the line of its name in `classes.txt` beside `weights`; where there is no such list, or a folder is
    /// not in it, all labels are the folders' places in alphabetical order.
    ///
    /// Broken pictures are left out, up to one in a hundred.
    pub(crate) fn read(folder: &Path, side: u32, weights: Option<&Path>) -> Result<Self, KernelError> {
        let mut folders = entries(folder).map_err(|e| refuse(folder, e))?;
        folders.retain(|path| path.is_dir());
        let names: Vec<String> = folders.iter().map(|path| file_name(path)).collect();
        let labels = labels(&names, weights)?;
        let (mut pictures, mut broken, mut first) = (Vec::new(), Vec::new(), None);
        for ((class, path), label) in names.iter().zip(&folders).zip(labels) {
            for file in entries(path).map_err(|e| refuse(path, e))?.into_iter().filter(|file| is_picture(file)) {
                let name = format!("{class}/{}", file_name(&file));
                match decode(&file, side.max(SHORT_SIDE)) {
                    Ok(rgb) => pictures.push(Picture { name, label, rgb }),
                    Err(why) => {
                        broken.push(name);
                        first.get_or_insert((file, why));
                    }
                }
            }
        }
        let all = pictures.len() + broken.len();
        if let Some((path, why)) = first.filter(|_| broken.len() * ONE_BROKEN_OF > all) {
            let count = broken.len();
            let why = format!(
                "{why}; {count} of the {all} pictures in {} are broken; accepted: at most 1 %, which is left out and told: mend or remove them",
                folder.display()
            );
            return Err(KernelError::File { path, why });
        }
        if pictures.is_empty() {
            return Err(refuse(folder, "no picture found"));
        }
        Ok(Self { pictures, broken })
    }

    /// How many labels there can be: the highest, and those below.
    pub(crate) fn classes(&self) -> usize {
        self.pictures.iter().map(|picture| picture.label as usize + 1).max().unwrap_or(0)
    }

    /// What of the folder is not used, for the report.
    pub(crate) fn left_out(&self) -> Option<String> {
        let (count, all) = (self.broken.len(), self.pictures.len() + self.broken.len());
        let named = self.broken.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
        (count > 0).then(|| format!("{count} of {all} pictures broken and left out: {named}{more}"))
    }

    pub(crate) fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Picture `index`, modulo their number.
    pub(crate) fn get(&self, index: usize) -> &Picture {
        &self.pictures[index % self.pictures.len()]
    }
}

impl Picture {
    /// How far a crop of `side` pixels can move to the right and down.
    pub(crate) fn room(&self, side: u32) -> (u32, u32) {
        (self.rgb.width() - side, self.rgb.height() - side)
    }

    /// The square at (`left`, `top`), normalised: (1, 3, side, side), in channels-last layout, which is the bytes' own order.
    pub(crate) fn crop(&self, side: u32, left: u32, top: u32) -> Result<Tensor, KernelError> {
        let (width, side, left, top) = (self.rgb.width() as usize, side as usize, left as usize, top as usize);
        let mut values = Vec::with_capacity(side * side * 3);
        for row in self.rgb.as_raw().chunks_exact(width * 3).skip(top).take(side) {
            for pixel in row[left * 3..(left + side) * 3].chunks_exact(3) {
                for ((&byte, mean), deviation) in pixel.iter().zip(MEAN).zip(DEVIATION) {
                    values.push((f32::from(byte) / 255.0 - mean) / deviation);
                }
            }
        }
        let side = side as i64;
        let image = Tensor::f_from_slice(&values).and_then(|t| t.f_view([1, side, side, 3]));
        image.and_then(|t| t.f_permute([0, 3, 1, 2])).map_err(compute)
    }
}

/// The label of each folder name; see [`Pictures::read`].
fn labels(names: &[String], weights: Option<&Path>) -> Result<Vec<u32>, KernelError> {
    let alphabetical = || (0..).take(names.len()).collect();
    let Some(list) = weights.map(|path| path.with_file_name("classes.txt")).filter(|path| path.exists()) else {
        return Ok(alphabetical());
    };
    let text = fs::read_to_string(&list).map_err(|e| KernelError::File { path: list.clone(), why: e.to_string() })?;
    let classes: Vec<&str> = text.lines().collect();
    if classes.len() != CLASSES {
        let why = format!(
            "{} lines, expected {CLASSES} class names, one a line; `make setup` installs it anew",
            classes.len()
        );
        return Err(KernelError::File { path: list, why });
    }
    let found = names.iter().map(|name| classes.iter().position(|class| class == name).map(|index| index as u32));
    Ok(found.collect::<Option<Vec<u32>>>().unwrap_or_else(alphabetical))
}

/// Decodes and scales so that the short side has exactly `short` pixels; or says why it cannot.
fn decode(path: &Path, short: u32) -> Result<RgbImage, String> {
    let bytes = fs::read(path).map_err(|e| e.to_string())?;
    let reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().map_err(|e| e.to_string())?;
    let is_jpeg = reader.format() == Some(ImageFormat::Jpeg);
    let image = reader.decode().map_err(|e| format!("{e}; expected a JPEG or PNG picture"))?.into_rgb8();
    if is_jpeg && is_cut(&bytes) {
        return Err("ends early; expected a whole JPEG or PNG picture".to_owned());
    }
    let (width, height) = image.dimensions();
    let least = width.min(height);
    if least == 0 || width.max(height) / least >= LONGEST {
        return Err(format!("{width} x {height} pixels: sides must be within {LONGEST} : 1, for example 640 x 480"));
    }
    // The ratio is below 16, so the product fits 64 bits and the quotient 32.
    let scaled = |n: u32| (u64::from(n) * u64::from(short) / u64::from(least)) as u32;
    // Triangle widens with the reduction, as PIL's bilinear filter does, with which the published accuracies are measured.
    Ok(imageops::resize(&image, scaled(width), scaled(height), FilterType::Triangle))
}

/// Whether a JPEG has no end: the decoder fills what is missing with grey and says nothing. Neither marker, of the end (D9) or of where
/// pixels begin (DA), can occur among the pixels.
fn is_cut(jpeg: &[u8]) -> bool {
    let last = |marker| jpeg.windows(2).rposition(|pair| pair == [0xff, marker]);
    last(0xd9) <= last(0xda)
}

/// What is in a directory, sorted, without hidden names.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| !file_name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_ascii_lowercase());
    path.is_file() && extension.is_some_and(|e| ["jpg", "jpeg", "png"].iter().any(|known| e == *known))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What to tell a user whose folder holds no pictures.
fn refuse(folder: &Path, why: impl ToString) -> KernelError {
    KernelError::File {
        path: folder.to_owned(),
        why: format!(
            "{}; expected one sub-folder per class with JPEG or PNG pictures, for example {}",
            why.to_string(),
            folder.join("Egyptian_cat/one.jpg").display()
        ),
    }
}

#[cfg(test)]
mod tests;
