//! Folders good and bad, labels, and what a crop holds.

use image::Rgb;

use super::*;

/// A picture whose red grows to the right and whose green grows downwards, one step a pixel.
fn gradient(path: &Path, width: u32, height: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_fn(width, height, |x, y| Rgb([(x % 256) as u8, (y % 256) as u8, 7])).save(path).unwrap();
}

fn refusal(folder: &Path) -> String {
    let Err(error) = Pictures::read(folder, 64, None) else { panic!("{} was taken", folder.display()) };
    error.to_string()
}

/// The crop at (left, top) holds exactly those pixels, normalised per colour, at the right places.
#[test]
fn crops_are_cut_and_normalised() {
    let folder = tempfile::tempdir().unwrap();
    gradient(&folder.path().join("a/one.png"), 300, 256);
    let pictures = Pictures::read(folder.path(), 64, None).unwrap();
    let picture = pictures.get(0);
    assert_eq!(picture.room(64), (236, 192));
    let crop = picture.crop(64, 20, 30).unwrap();
    assert_eq!(crop.size(), [1, 3, 64, 64]);
    for (x, y) in [(0, 0), (63, 0), (5, 40)] {
        for (colour, byte) in [(0, 20 + x), (1, 30 + y), (2, 7)] {
            let got = crop.double_value(&[0, colour, y, x]) as f32;
            let wanted = (byte as f32 / 255.0 - MEAN[colour as usize]) / DEVIATION[colour as usize];
            assert!((got - wanted).abs() < 1e-6, "colour {colour} at {x},{y}: {got}, not {wanted}");
        }
    }
}

/// The short side becomes 256 pixels, or the crop's side where that is larger; small pictures grow.
#[test]
fn pictures_are_scaled() {
    let folder = tempfile::tempdir().unwrap();
    gradient(&folder.path().join("a/one.png"), 100, 50);
    for (side, wanted) in [(64, (512, 256)), (300, (600, 300))] {
        assert_eq!(Pictures::read(folder.path(), side, None).unwrap().get(0).rgb.dimensions(), wanted);
    }
}

/// Without a list of classes labels are places in the alphabet; with one that knows every folder, lines in it.
#[test]
fn labels_come_from_the_list_or_the_alphabet() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b/two.PNG", "a/one.png", "b/note.txt", "b/.hidden.png"] {
        gradient_or_text(&folder.path().join("set").join(name));
    }
    let weights = folder.path().join("w.safetensors");
    let list = |first: &str| {
        let mut lines: Vec<String> = (0..CLASSES).map(|i| format!("class_{i}")).collect();
        lines[3] = first.into();
        lines[8] = "a".into();
        fs::write(folder.path().join("classes.txt"), lines.join("\n")).unwrap();
    };
    let read = || {
        let pictures = Pictures::read(&folder.path().join("set"), 64, Some(&weights)).unwrap();
        (0..pictures.len()).map(|i| (pictures.get(i).name.clone(), pictures.get(i).label)).collect::<Vec<_>>()
    };
    assert_eq!(read(), [("a/one.png".into(), 0), ("b/two.PNG".into(), 1)]);
    list("b");
    assert_eq!(read(), [("a/one.png".into(), 8), ("b/two.PNG".into(), 3)]);
    list("c");
    assert_eq!(read(), [("a/one.png".into(), 0), ("b/two.PNG".into(), 1)]);
    fs::write(folder.path().join("classes.txt"), "a\nb\n").unwrap();
    let Err(error) = Pictures::read(&folder.path().join("set"), 64, Some(&weights)) else { panic!("2 classes") };
    assert!(error.to_string().contains("classes.txt: 2 lines, expected 1000"), "{error}");
}

fn gradient_or_text(path: &Path) {
    if path.extension().is_some_and(|e| e == "txt") { fs::write(path, "text").unwrap() } else { gradient(path, 60, 60) }
}

/// A folder that is missing, empty, or holds its pictures at the wrong level is refused with an example of the layout.
#[test]
fn folders_without_pictures_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    for (path, why) in [(none.as_path(), "No such file"), (folder.path(), "no picture found")] {
        let text = refusal(path);
        assert!(text.contains(why) && text.contains("Egyptian_cat/one.jpg"), "{text}");
    }
    gradient(&folder.path().join("flat.png"), 60, 60);
    assert!(refusal(folder.path()).contains("no picture found"));
}

/// One picture in a hundred may be broken: it is left out, counted and named. One more is too many, and the first is named.
#[test]
fn few_broken_pictures_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..200 {
        gradient(&folder.path().join(format!("{}/{index:03}.png", ["a", "b"][index % 2])), 20, 20);
    }
    let broken = |name: &str| fs::write(folder.path().join(name), "no picture").unwrap();
    assert_eq!(Pictures::read(folder.path(), 64, None).unwrap().left_out(), None);
    broken("b/101.png");
    broken("a/100.png");
    let pictures = Pictures::read(folder.path(), 64, None).unwrap();
    assert_eq!((pictures.len(), pictures.classes()), (198, 2));
    let told = pictures.left_out().unwrap();
    assert_eq!(told, "2 of 200 pictures broken and left out: a/100.png, b/101.png");
    broken("a/102.png");
    let text = refusal(folder.path());
    assert!(text.contains("a/100.png: ") && text.contains("3 of the 200 pictures in "), "{text}");
    assert!(text.contains("accepted: at most 1 %"), "{text}");
}

/// A JPEG that was cut off is broken, wherever it was cut.
#[test]
fn cut_jpegs_are_broken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/one.jpg");
    gradient(&path, 300, 300);
    let bytes = fs::read(&path).unwrap();
    for length in [0, 10, bytes.len() / 3, bytes.len() / 2, bytes.len() - 20, bytes.len() - 2] {
        fs::write(&path, &bytes[..length]).unwrap();
        let text = refusal(folder.path());
        assert!(text.contains("a/one.jpg: "), "{length} of {} bytes: {text}", bytes.len());
    }
}

/// A damaged picture and one of absurd shape are refused by name.
#[test]
fn bad_pictures_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/one.png");
    gradient(&path, 17, 1);
    assert!(refusal(folder.path()).contains("a/one.png: 17 x 1 pixels"));
    gradient(&path, 60, 60);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let text = refusal(folder.path());
    assert!(text.contains("a/one.png") && text.contains("expected a JPEG or PNG picture"), "{text}");
}
