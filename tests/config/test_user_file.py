import pytest

from livetomo.config.configuration import load_config
from livetomo.config.model_card import shipped
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.errors import ConfigurationError

TOP = 'site = "here"\nstate = "state"\noutput = "results"\n'
WATCH = '[[watch]]\nname = "krios1"\npath = "raw"\n'
FEATURE = '[[feature]]\nname = "ribosome"\nmodel = "blob"\ndiameter_angstrom = 250\n'

# What a user wrote, and the lines that the user reads: all of them, in order.
CONFIGURATIONS = {
    "a misspelt key": (
        TOP + WATCH + 'setle = "20s"',
        ['watch "krios1": unknown key "setle". Did you mean "settle"?'],
    ),
    "two mistakes at once": (
        TOP + WATCH + 'setle = "20s"\n[http]\nlisten = "8787"',
        [
            'watch "krios1": unknown key "setle". Did you mean "settle"?',
            'http: "listen" is "8787"; write an address and a port like "127.0.0.1:8787" or "[::1]:8787"',
        ],
    ),
    "a key like no other": (
        TOP + WATCH + "[http]\ncolour = 3",
        ['http: unknown key "colour". Known here: listen, public_url, token_file.'],
    ),
    "a key of the top, written too late": (
        'site = "here"\nstate = "state"\n' + WATCH + 'output = "results"',
        [
            'the key "output" is missing',
            'watch "krios1": unknown key "output". It belongs at the top of the file, above the first table.',
        ],
    ),
    "a key in the wrong table": (
        TOP + WATCH + '[http]\nusername = "me"',
        ['http: unknown key "username". It belongs below [mqtt].'],
    ),
    "a misspelt table": (TOP + WATCH + "[worker]\n", ['unknown key "worker". Did you mean "workers"?']),
    "missing keys": ('site = "here"\n' + WATCH, ['the key "state" is missing', 'the key "output" is missing']),
    "no watch": (TOP, ['the key "watch" is missing']),
    "an empty list of watches": (TOP + "watch = []", ['"watch" is an empty list; write at least 1']),
    "single brackets": (
        TOP + WATCH.replace("[[watch]]", "[watch]"),
        ['"watch" is a table; write it with double brackets, [[watch]]: there may be several'],
    ),
    "double brackets": (
        TOP + WATCH + '[[mqtt]]\nurl = "mqtt://broker"',
        ['"mqtt" is a list of tables; write it with single brackets, [mqtt]: there is only one'],
    ),
    "a table as a word": (
        TOP.replace("site", 'mqtt = "mqtt://broker"\nsite') + WATCH,
        ['"mqtt" is "mqtt://broker"; write it as a table, [mqtt] with its keys below'],
    ),
    "a watch without a name": (
        TOP + '[[watch]]\npath = "raw"\n[[watch]]\nname = 7\npath = "other"',
        ['watch number 1: the key "name" is missing', 'watch number 2: "name" is 7; write text in quotes'],
    ),
    "a name with spaces": (
        TOP + WATCH.replace("krios1", "krios 1"),
        ['watch "krios 1": "name" is "krios 1"; write letters, digits and _ . -, beginning with a letter or digit'],
    ),
    "two watches of one name": (TOP + WATCH + WATCH, ['two watches are named "krios1"; give each its own name']),
    "an unknown producer": (
        TOP + WATCH + 'producers = ["imod", "aretomo"]',
        [
            'watch "krios1": "producers" has "aretomo"; write "aretomo3", "imod", "warp", "relion5", "cryoem_services" '
            'or "generic". Did you mean "aretomo3"?'
        ],
    ),
    "a word for a list": (
        TOP + WATCH + 'producers = "imod"',
        ['watch "krios1": "producers" is "imod"; write a list in brackets, like ["imod"]'],
    ),
    "a duration without a unit": (
        TOP + WATCH + 'settle = "20"',
        ['watch "krios1": "settle" is "20"; write a number and one of ms, s, sec, m, min, h, d, like "20s"'],
    ),
    "true for a duration": (
        TOP + WATCH + "settle = true",
        ['watch "krios1": "settle" is true; write a duration or size like "20s"'],
    ),
    "no session": (
        TOP + WATCH + 'session = "*/{session}_x/**"',
        [
            'watch "krios1": "session" is "*/{session}_x/**"; write the path below the root with one whole component '
            '"{session}", like "{session}/**"'
        ],
    ),
    "a date that is none": (
        TOP + WATCH + 'since = "yesterday"',
        [
            'watch "krios1": "since" is "yesterday"; write "now" or "all", or a date like 2026-11-20, or a time like '
            "2026-11-20T08:00:00Z, without quotes"
        ],
    ),
    "a device that is none": (
        TOP + WATCH + '[workers]\ndevices = ["gpu0"]',
        ['workers: "devices" is a list; write "auto", or a list of devices like ["cuda:0", "cuda:1"] or ["cpu"]'],
    ),
    "a device outside a list": (
        TOP + WATCH + '[workers]\ndevices = "cuda:0"',
        ['workers: "devices" is "cuda:0"; write "auto", or a list in brackets, like ["cuda:0"]'],
    ),
    "a broker by its name only": (
        TOP + WATCH + '[mqtt]\nurl = "broker"',
        ['mqtt: "url" is "broker"; write an address that begins with its scheme, like mqtt:// or https://'],
    ),
    "a broker of another kind": (
        TOP + WATCH + '[mqtt]\nurl = "http://broker"',
        [
            'mqtt: "url" is "http://broker"; write a broker\'s address like "mqtt://broker:1883" or "mqtts://broker:8883"'
        ],
    ),
    "a password in the address, which is not shown": (
        TOP + WATCH + '[mqtt]\nurl = "mqtt://me:secret@broker"',
        [
            'mqtt: "url" is "mqtt://…@broker"; write the address alone; name and password belong to "username" and '
            '"password_file"'
        ],
    ),
    "a password in the file": (
        TOP + WATCH + '[mqtt]\nurl = "mqtt://broker"\npassword = "secret"',
        ['mqtt: unknown key "password". Did you mean "password_file"?'],
    ),
    "a topic with a wildcard": (
        TOP + WATCH + '[mqtt]\nurl = "mqtt://broker"\nbase = "cryo/#"',
        ['mqtt: "base" is "cryo/#"; write the beginning of a topic, like "livetomo", without + and #'],
    ),
    "a number out of range": (
        TOP + WATCH + "default_voxel_size_angstrom = 0",
        ['watch "krios1": "default_voxel_size_angstrom" is 0; write a number of Å from 0.1 to 1,000'],
    ),
    "an output with an unknown place": (
        TOP.replace("results", "{microscope}") + WATCH,
        ['"output" is "{microscope}"; write a folder, which may name {watch} and {session} but nothing else in braces'],
    ),
    "an empty path": (TOP.replace('"state"', '""') + WATCH, ['"state" is ""; write a path']),
    "a key that begins with an underscore": ('_env_file = "other"\n' + TOP + WATCH, ['unknown key "_env_file"']),
}

RECIPES = {
    "a model that is not there": (
        FEATURE.replace("blob", "blobb"),
        [
            'feature "ribosome": model "blobb" is neither a built-in method (blob, dense, ridge) nor a package that '
            f"comes with livetomo ({', '.join(shipped()) or 'there is none'}); name a file of your own with its "
            "ending, .safetensors"
        ],
    ),
    "a feature without a model": (
        '[[feature]]\nname = "ribosome"',
        [
            'feature "ribosome": the key "model" is missing; write a built-in method (blob, dense, ridge), '
            "or a model package"
        ],
    ),
    "a key of another model": (
        FEATURE + "mirrors = 2",
        ['feature "ribosome": unknown key "mirrors". Known here: diameter_angstrom, model, name.'],
    ),
    "a length without its unit": (
        FEATURE.replace("diameter_angstrom", "diameter"),
        ['feature "ribosome": unknown key "diameter". Did you mean "diameter_angstrom"?'],
    ),
    "a denoiser misspelt": (
        FEATURE + '[denoise]\nmethod = "lowpas"',
        [
            'denoise: "method" is "lowpas"; write "none", "lowpass", "deconvolve", "tv", "wiener" or "beside". '
            'Did you mean "lowpass"?'
        ],
    ),
    "a denoiser without its method": (
        FEATURE + "[denoise]\nresolution_angstrom = 60",
        ['denoise: the key "method" is missing; write "none", "lowpass", "deconvolve", "tv", "wiener" or "beside"'],
    ),
    "a number in quotes": (
        FEATURE + '[denoise]\nmethod = "lowpass"\nresolution_angstrom = "60"',
        ['denoise: "resolution_angstrom" is "60"; write a number'],
    ),
    "a number that is none": (
        FEATURE + '[[pick]]\nfeature = "ribosome"\nmin_spacing_angstrom = nan',
        ['pick number 1: "min_spacing_angstrom" is nan; write a number'],
    ),
    "a threshold above one": (
        FEATURE + '[[pick]]\nfeature = "ribosome"\nmin_spacing_angstrom = 100\nthreshold = 1.5',
        ['pick number 1: "threshold" is 1.5; write a number of at most 1'],
    ),
    "candidates above picks": (
        FEATURE
        + '[[pick]]\nfeature = "ribosome"\nmin_spacing_angstrom = 100\nthreshold = 0.2\ncandidate_threshold = 0.3',
        [
            'pick number 1: "candidate_threshold" (0.3) is above "threshold" (0.2); write a lower one: every published '
            "pick is a candidate too"
        ],
    ),
    "an interaction with nobody": (
        FEATURE + '[[interaction]]\nfeature = "ribosome"',
        ['interaction number 1: give exactly one of "avoid" and "colocalize"'],
    ),
    "features that are not there": (
        FEATURE + '[[interaction]]\nfeature = "ribosome"\navoid = "carbon"\n'
        '[[pick]]\nfeature = "membrane"\nmin_spacing_angstrom = 100',
        [
            'interaction number 1: "avoid" is "carbon"; the features are ribosome',
            'pick number 1: "feature" is "membrane"; the features are ribosome',
        ],
    ),
    "two features of one name": (FEATURE + FEATURE, ['two features are named "ribosome"']),
    "a word for a list": (
        'keep = "denoised"\n' + FEATURE,
        ['"keep" is "denoised"; write a list in brackets, like ["denoised"]'],
    ),
}


@pytest.mark.parametrize(("text", "lines"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_mistake_in_a_configuration_is_reported_with_file_table_key_and_cure(tmp_path, text, lines):
    path = tmp_path / "livetomo.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refusal:
        load_config(path)
    assert str(refusal.value).splitlines() == [f"{path}: {line}" for line in lines]


@pytest.mark.parametrize(("text", "lines"), RECIPES.values(), ids=RECIPES)
def test_a_mistake_in_a_recipe_is_reported_with_file_table_key_and_cure(tmp_path, text, lines):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refusal:
        load_recipe(str(path))
    assert str(refusal.value).splitlines() == [f"{path}: {line}" for line in lines]


def test_a_word_close_to_a_known_one_is_recognised(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FEATURE + '[export]\nformats = ["relion5", "relion_5"]')
    with pytest.raises(ConfigurationError) as refusal:
        load_recipe(str(path))
    assert str(refusal.value).startswith(f'{path}: export: "formats" has "relion_5"; write "relion5"')
    assert str(refusal.value).endswith('Did you mean "relion5"?')


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        (b"site = here", "is not valid TOML: Invalid value (at line 1, column 8)"),
        (b"site = '\xff\xfe'", "is not UTF-8 text (byte 8). Is it the right file?"),
    ],
)
def test_a_file_that_cannot_be_read_is_reported_with_its_name(tmp_path, content, words):
    path = tmp_path / "livetomo.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refusal:
        load_config(path)
    assert str(refusal.value) == f"{path}: {words}"


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\)"):
        load_config(tmp_path)


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    path = tmp_path / "livetomo.toml"
    path.write_text(TOP + WATCH, encoding="utf-8-sig")
    assert load_config(path).site == "here"
