use super::*;
use crate::geometry::Turn;
use jpeg_encoder::{ColorType, Encoder};

const END: [u8; 2] = [0xff, 0xd9];

fn photo_bytes() -> Vec<u8> {
    std::fs::read("photos/astronaut.jpg").unwrap()
}

fn read(bytes: &[u8]) -> Result<Frame, DecodeError> {
    let mut frame = Frame::default();
    photo(bytes, &mut frame).map(|()| frame)
}

/// The file without segments of this marker.
fn without(bytes: &[u8], marker: u8) -> Vec<u8> {
    let mut out = bytes[..2].to_vec();
    let mut at = 2;
    while bytes[at + 1] != 0xda {
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        let segment = &bytes[at..at + 2 + length];
        if segment[1] != marker {
            out.extend(segment);
        }
        at += 2 + length;
    }
    out.extend(&bytes[at..]);
    out
}

/// The file with a segment behind its start mark.
fn with(bytes: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&bytes[..2], &[0xff, marker], &length, body, &bytes[2..]].concat()
}

/// EXIF data that say no more than an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0]);
    [b"Exif\0\0".to_vec(), tiff].concat()
}

fn mean_difference(a: &Frame, b: &Frame) -> f64 {
    let (a, b) = (a.to_rgb().unwrap(), b.to_rgb().unwrap());
    assert_eq!(a.len(), b.len());
    let sum: u64 = a
        .iter()
        .zip(&b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len() as f64
}

#[test]
fn a_jpeg_cut_anywhere_is_an_error_and_never_a_panic() {
    let bytes = photo_bytes();
    let frame = read(&bytes).unwrap();
    assert_eq!(
        (frame.size, frame.format),
        (Size::new(512, 512), PixelFormat::Rgb)
    );
    for cut in (0..bytes.len()).step_by(997).chain([bytes.len() - 2]) {
        assert!(read(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let e = read(&bytes[..bytes.len() / 2]).unwrap_err().to_string();
    assert!(e.contains("middle"), "{e}");
}

#[test]
fn flipped_bytes_never_panic() {
    let bytes = photo_bytes();
    for i in (2..2000).step_by(3).chain((2000..bytes.len()).step_by(499)) {
        let mut bytes = bytes.clone();
        bytes[i] ^= 0xff;
        let _ = read(&bytes);
    }
}

#[test]
fn a_jpeg_without_huffman_tables_has_the_standards() {
    let mut bytes = Vec::new();
    let rgb = read(&photo_bytes()).unwrap();
    Encoder::new(&mut bytes, 85)
        .encode(&rgb.data, 512, 512, ColorType::Rgb)
        .unwrap();
    let bare = without(&bytes, 0xc4);
    assert!(bare.len() < bytes.len());
    let avi1 = with(&bare, 0xe0, b"AVI1\0\0\0\0\0\0\0\0\0\0");
    for bare in [bare, avi1] {
        assert_eq!(read(&bare).unwrap().data, read(&bytes).unwrap().data);
    }
}

#[test]
fn one_scan_a_component_is_the_same_picture_as_one_scan() {
    let one = std::fs::read("tests/pictures/one_scan.jpg").unwrap();
    let three = std::fs::read("tests/pictures/one_scan_a_component.jpg").unwrap();
    assert!(Header::read(&one).unwrap().sequential && !Header::read(&three).unwrap().sequential);
    assert_eq!(read(&one).unwrap().data, read(&three).unwrap().data);
    for cut in (0..three.len()).step_by(97) {
        assert!(read(&three[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn four_colours_are_read_as_three() {
    let rgb = read(&std::fs::read("tests/pictures/one_scan.jpg").unwrap()).unwrap();
    let cmyk = read(&std::fs::read("tests/pictures/cmyk.jpg").unwrap()).unwrap();
    let difference = mean_difference(&rgb, &cmyk);
    assert!(difference < 6.0, "{difference}");
    let inks: Vec<u8> = rgb
        .data
        .as_chunks()
        .0
        .iter()
        .flat_map(|&[r, g, b]: &[u8; 3]| [255 - r, 255 - g, 255 - b, 0])
        .collect();
    for space in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let mut bytes = Vec::new();
        Encoder::new(&mut bytes, 90)
            .encode(&inks, 169, 170, space)
            .unwrap();
        let got = read(&bytes).unwrap();
        let difference = mean_difference(&rgb, &got);
        assert!(difference < 6.0, "{space:?}: {difference}");
    }
}

#[test]
fn bytes_behind_the_end_are_not_looked_at() {
    let whole = photo_bytes();
    let want = read(&whole).unwrap().data;
    let video = [b"MotionPhoto_Data".to_vec(), vec![0x5a; 50_000]].concat();
    for behind in [
        video,
        vec![0xff; 64],
        END.to_vec(),
        vec![0; 9],
        whole.clone(),
    ] {
        assert_eq!(read(&[&whole[..], &behind].concat()).unwrap().data, want);
    }
}

#[test]
fn a_few_bytes_before_the_end_mark_belong_to_no_picture_and_many_are_a_damaged_one() {
    let whole = photo_bytes();
    let picture = &whole[..whole.len() - 2];
    assert_eq!(whole[whole.len() - 2..], END);
    let few = read(&[picture, &[0x55; 2], &END].concat()).unwrap();
    assert_eq!(few.data, read(&whole).unwrap().data);
    assert!(read(&[picture, &[0x55; 500], &END].concat()).is_err());
}

#[test]
fn the_picture_stands_as_its_exif_data_say() {
    let bytes = photo_bytes();
    let stored = read(&bytes).unwrap();
    for orientation in 1..=8 {
        let turned = read(&with(&bytes, 0xe1, &exif(orientation))).unwrap();
        assert_eq!(turned.data, stored.data);
        assert_eq!(turned.turn, Turn::of_exif(orientation.into()));
    }
    let broken = read(&with(&bytes, 0xe1, b"Exif\0\0MM\0\x2a\xff\xff\xff\xff")).unwrap();
    assert!(broken.turn.is_none());
    let mut stream = Frame {
        data: with(&bytes, 0xe1, &exif(6)),
        ..Frame::default()
    };
    stream.set_shape(Size::new(512, 512), PixelFormat::Mjpeg);
    stream.turn(Turn::new(2, false));
    Decoder::default().decode(&mut stream).unwrap();
    assert_eq!(stream.turn, Turn::new(3, false));
}

#[test]
fn a_png_stands_as_its_exif_data_say() {
    let mut info = ::png::Info::with_size(2, 1);
    info.color_type = ::png::ColorType::Grayscale;
    info.bit_depth = ::png::BitDepth::Eight;
    info.exif_metadata = Some(exif(6)[6..].to_vec().into());
    let mut bytes = Vec::new();
    let encoder = ::png::Encoder::with_info(&mut bytes, info).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[10, 20]).unwrap();
    writer.finish().unwrap();
    let frame = read(&bytes).unwrap();
    assert_eq!(frame.size, Size::new(1, 2));
    assert_eq!(frame.to_rgb().unwrap(), [10, 10, 10, 20, 20, 20]);
}

#[test]
fn png_with_alpha_loses_only_the_alpha() {
    let mut bytes = Vec::new();
    let mut e = ::png::Encoder::new(&mut bytes, 2, 1);
    e.set_color(::png::ColorType::Rgba);
    e.write_header()
        .unwrap()
        .write_image_data(&[1, 2, 3, 4, 5, 6, 7, 8])
        .unwrap();
    assert_eq!(read(&bytes).unwrap().data, [1, 2, 3, 5, 6, 7]);
}
