"""Photos from folders, files and fetchers; what cannot be used is named, all of it at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from probcost.scenarios import faces
from tests.conftest import SHARED

RNG = np.random.default_rng(0)


def write(path: Path, shape: tuple[int, ...] = (8, 6)) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for person in ("s1", "s10", "s2"):
        for photo in (1, 2, 10):
            write(tmp_path / person / f"{photo}.pgm")
    return tmp_path


def test_people_and_photos_come_in_the_order_one_reads(folder: Path) -> None:
    first = write(folder / "s2" / "1.png")
    (folder / "s2" / "1.pgm").unlink()
    dataset = faces.load(folder)
    assert dataset.person_names == ["s1", "s2", "s10"]
    assert dataset.person.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert [Path(p).name for p in dataset.path or []][3:6] == ["1.png", "2.pgm", "10.pgm"]
    np.testing.assert_array_equal(dataset.images[3], first)


def test_hidden_files_and_other_files_are_left_alone(folder: Path) -> None:
    for name in (".DS_Store", "s1/.hidden.png", ".git/1.png", "s1/notes.txt", "s1/.thumbs/1.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"not a picture")
    assert len(faces.load(folder)) == 9


def test_colour_sixteen_bits_and_turned_photos_become_upright_grey(folder: Path) -> None:
    write(folder / "s1" / "1.png", (8, 6, 3))
    ramp = np.linspace(0, 65535, 48).astype(np.uint16).reshape(8, 6)
    Image.fromarray(ramp).save(folder / "s1" / "3.png")
    turned = Image.fromarray(np.tile(np.arange(0, 240, 30, dtype=np.uint8), (6, 1)))
    exif = turned.getexif()
    exif[0x0112] = 6  # the camera was held upright
    turned.save(folder / "s1" / "4.png", exif=exif)
    dataset = faces.load(folder)
    by_name = {Path(p).name: image for p, image in zip(dataset.path or [], dataset.images, strict=True) if "s1/" in p}
    assert dataset.images.shape == (12, 8, 6)
    np.testing.assert_allclose(by_name["3.png"], ramp / 257, atol=0.5)
    np.testing.assert_array_equal(by_name["4.png"][:, 0], np.arange(0, 240, 30))


def test_all_damaged_pictures_are_named_at_once(folder: Path) -> None:
    (folder / "s1" / "1.pgm").write_bytes(b"P5 8 6 255\n")
    whole = folder / "s2" / "whole.png"
    write(whole, (60, 60))
    (folder / "s2" / "cut.png").write_bytes(whole.read_bytes()[:900])
    (folder / "s10" / "2.pgm").write_text("no picture")
    with pytest.raises(ValueError, match=r"3 pictures in .* cannot be read") as error:
        faces.load(folder, size=(8, 6))
    for name in ("s1/1.pgm", "s2/cut.png", "s10/2.pgm"):
        assert name in str(error.value)
    assert "whole.png" not in str(error.value)


def test_odd_sizes_are_named_or_brought_to_one(folder: Path) -> None:
    write(folder / "s2" / "3.png", (16, 12))
    write(folder / "s10" / "3.png", (8, 7))
    with pytest.raises(ValueError, match="2 pictures are not 8 × 6 pixels like the others") as error:
        faces.load(folder)
    assert "s2/3.png (16 × 12)" in str(error.value)
    assert "s10/3.png (8 × 7)" in str(error.value)
    assert faces.load(folder, size=(4, 3)).images.shape == (11, 4, 3)


def test_folders_without_pictures(folder: Path, tmp_path: Path) -> None:
    (folder / "s3").mkdir()
    with pytest.warns(UserWarning, match="for want of a picture: s3"):
        assert faces.load(folder).person_names == ["s1", "s2", "s10"]
    with pytest.raises(ValueError, match=r"holds no folders with pictures; person/photo\.jpg"):
        faces.load(folder / "s1")
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        faces.load(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no folder"):
        faces.load_folder(tmp_path / "nowhere")


def test_pictures_of_telephones_that_are_not_read_are_counted_once(folder: Path, tmp_path: Path) -> None:
    for name in ("s1/a.HEIC", "s1/b.avif", "s2/c.heic"):
        (folder / name).write_bytes(b"not read")
    told = r"left out 3 files in \.avif and \.heic: convert them to \.jpg or \.png"
    with pytest.warns(UserWarning, match=told) as caught:
        assert len(faces.load(folder)) == 9
    assert len(caught) == 1
    alone = tmp_path / "telephone"
    (alone / "Ada").mkdir(parents=True)
    (alone / "Ada" / "1.heic").write_bytes(b"not read")
    with pytest.raises(
        ValueError, match=r"no folders with pictures; .* there are 1 file in \.heic: convert them to \.jpg"
    ):
        faces.load(alone)


def test_single_pictures_are_read_as_the_loader_reads_them(folder: Path, tmp_path: Path) -> None:
    dataset = faces.load(folder, size=(4, 3))
    files = [folder / "s10" / "2.pgm", str(folder / "s1" / "1.pgm")]
    rows = [[Path(p).parts[-2:] for p in dataset.path or []].index(Path(file).parts[-2:]) for file in files]
    for told in ({"size": (4, 3)}, {"like": dataset}):
        x = faces.read(files, **told)  # type: ignore[arg-type]
        assert x.shape == (2, 1, 4, 3)
        np.testing.assert_array_equal(x.numpy(), dataset.x[rows])
    assert faces.read(files[0]).shape == (1, 1, 8, 6)
    assert faces.read([files[1], files[1]], size=5).shape == (2, 1, 5, 5)
    # Turned, coloured and of 16 bits, as in a folder.
    pixels = write(tmp_path / "colour.png", (8, 6, 3))
    np.testing.assert_allclose(
        faces.read(tmp_path / "colour.png", channels=3)[0], np.moveaxis(pixels, -1, 0) / 255, atol=1e-6
    )
    ramp = np.linspace(0, 65535, 48).astype(np.uint16).reshape(8, 6)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    np.testing.assert_allclose(
        faces.read(tmp_path / "deep.png", channels=3)[0], np.stack([ramp / 65535] * 3), atol=0.003
    )
    turned = Image.fromarray(np.tile(np.arange(0, 240, 30, dtype=np.uint8), (6, 1)))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_allclose(255 * faces.read(tmp_path / "turned.png")[0, 0, :, 0], np.arange(0, 240, 30), atol=1e-4)
    with pytest.raises(ValueError, match=r"1\.pgm' is a picture, not a folder; faces\.read reads single pictures"):
        faces.load(folder / "s1" / "1.pgm")


def test_single_pictures_that_cannot_be_read(folder: Path) -> None:
    fine, cut = folder / "s1" / "1.pgm", folder / "s1" / "2.pgm"
    cut.write_bytes(b"P5 8 6 255\n")
    write(folder / "wide.png", (8, 9))
    with pytest.raises(FileNotFoundError, match=r"there is no file nowhere\.png"):
        faces.read([fine, "nowhere.png"])
    for paths, options, told in (
        ([fine, cut], {}, r"1 of 2 pictures cannot be read: .*2\.pgm"),
        ([fine, folder / "wide.png"], {}, r"1 pictures are not 8 × 6 pixels like the others: .*wide\.png \(8 × 9\)"),
        ([], {}, "paths is empty"),
        (fine, {"channels": 2}, "channels is 2; 1"),
        (fine, {"size": 0}, "size is 0"),
        (fine, {"size": 8, "like": faces.simulate_faces(2, 2, size=(8, 8))}, "size and channels are those of like"),
    ):
        with pytest.raises(ValueError, match=told):
            faces.read(paths, **options)  # type: ignore[arg-type]


def test_files_that_are_no_data_set(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    path.write_bytes(b"PK not a zip file")
    with pytest.raises(ValueError, match=r"cannot be read as an \.npz file"):
        faces.load(path)
    np.savez(path, images=np.zeros((4, 8, 8), np.uint8))
    with pytest.raises(ValueError, match="has no array 'labels'; it holds images"):
        faces.load(path)
    np.savez(path, images=np.zeros((4, 8, 8), np.uint8), labels=np.array([{}] * 4, dtype=object))
    with pytest.raises(ValueError, match="plain arrays"):
        faces.load(path)
    np.savez(path, images=np.zeros((4, 8, 8), np.uint8), labels=[0, 0, 0, 0])
    with pytest.raises(ValueError, match=r"set\.npz'.*: all 4 photos are of one person"):
        faces.load(path)
    faces.simulate_faces(2, 2, size=(8, 8)).save(path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ValueError, match="cannot be read"):
        faces.load(path)


def test_the_orl_faces() -> None:
    path = SHARED / "data" / "faces" / "orl_56x46.npz"
    if not path.exists():
        pytest.skip("the ORL faces are not here: they lie in ../shared/data/faces on the developers' machines")
    dataset = faces.load(path, size=(32, 32))
    assert dataset.x.shape == (400, 1, 32, 32)
    assert [len(test) for _, test in dataset.folds(5)] == [80] * 5
    first = np.asarray(Image.fromarray(np.load(path)["images"][0]).resize((32, 32), Image.Resampling.BOX))
    np.testing.assert_array_equal(dataset.images[0], first)


def test_arrays_of_fetchers() -> None:
    olivetti, person = RNG.uniform(0, 1, (6, 8, 6)).astype(np.float32), np.repeat([0, 1, 2], 2)
    np.testing.assert_array_equal(faces.from_arrays(olivetti, person).images, olivetti)
    lfw = faces.from_arrays(255 * olivetti, person, np.array(["Ann", "Bob", "Cid"]))
    np.testing.assert_allclose(lfw.images, olivetti, rtol=1e-6)
    assert lfw.person_names == ["Ann", "Bob", "Cid"]
    colour = faces.from_arrays(RNG.uniform(0, 1, (6, 8, 7, 3)), person)
    assert colour.x.shape == (6, 3, 8, 7)


def test_labels_that_are_no_numbers_from_zero_become_names() -> None:
    images = RNG.integers(0, 256, (4, 8, 8), dtype=np.uint8)
    for labels, names in (
        (["bob", "ann", "bob", "ann"], ["ann", "bob"]),
        ([9 * 10**8, -4, 9 * 10**8, -4], ["-4", "900000000"]),
    ):
        dataset = faces.from_arrays(images, labels)
        assert dataset.person.tolist() == [1, 0, 1, 0]
        assert dataset.person_names == names
    assert faces.from_arrays(images, [3, 7, 3, 7]).person.tolist() == [3, 7, 3, 7]
    with pytest.raises(ValueError, match="names are given and labels are no numbers from 0, but 'a'"):
        faces.from_arrays(images, ["a", "b", "a", "b"], names=["x", "y"])
    with pytest.raises(ValueError, match=r"images\[\d, \d, \d\] is \d+\.\d+; "):
        faces.from_arrays(300.0 + images, [0, 0, 1, 1])
