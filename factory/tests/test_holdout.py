from importlib.resources import files

from factory.holdout import BENCHMARK_NAMES, Fingerprint, split_objects


def thing(key: str, name: str = "Thing", geometry: str = "", textures: tuple[str, ...] = ()) -> Fingerprint:
    return Fingerprint(key, name, geometry or f"geometry of {key}", textures)


def test_there_are_forty_benchmark_names() -> None:
    assert len(set(BENCHMARK_NAMES)) == 40


def test_the_first_textured_namesake_is_the_benchmark_object_and_the_others_are_excluded() -> None:
    plain, textured, other = (thing(key, "Teapot", textures=t) for key, t in (("a", ()), ("b", ("x",)), ("c", ("y",))))
    assert split_objects([plain, textured, other]) == {"a": "excluded", "b": "benchmark", "c": "excluded"}


def test_an_untextured_benchmark_object_is_held_out_too() -> None:
    assert split_objects([thing("a", "Toy train")]) == {"a": "benchmark"}


def test_a_near_duplicate_of_a_benchmark_object_is_excluded_whatever_its_name() -> None:
    objects = [
        thing("a", "Teapot", "same", ("leaf",)),
        thing("b", "Kettle", "same"),
        thing("c", "Vase", textures=("leaf", "wood")),
    ]
    assert split_objects(objects) == {"a": "benchmark", "b": "excluded", "c": "excluded"}


def test_a_near_duplicate_of_an_excluded_namesake_is_excluded() -> None:
    objects = [thing("a", "Teapot", textures=("x",)), thing("b", "Teapot", "same"), thing("c", "Kettle", "same")]
    assert split_objects(objects)["c"] == "excluded"


def test_most_objects_are_trained_on_and_a_few_watched() -> None:
    splits = list(split_objects(thing(f"object {i}") for i in range(1000)).values())
    assert 10 < splits.count("validation") < 60
    assert splits.count("train") + splits.count("validation") == 1000


def test_near_duplicates_of_watched_objects_are_not_trained_on() -> None:
    watched = next(
        key for key in (f"object {i}" for i in range(1000)) if split_objects([thing(key)])[key] == "validation"
    )
    splits = split_objects([thing(watched, geometry="same"), thing("twin", geometry="same")])
    assert splits["twin"] in ("excluded", "validation")


def test_the_card_credits_no_benchmark_object_as_trained_on() -> None:
    card = (files("dreamgaussian") / "weights" / "mini.md").read_text()
    credits = [
        line.split(": ", 1)[1].split(", ") for line in card.splitlines() if line.startswith("- ") and ": " in line
    ]
    trained_on = {name for names in credits for name in names}
    assert len(trained_on) > 300
    assert not trained_on & set(BENCHMARK_NAMES)
