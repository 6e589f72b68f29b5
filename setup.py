"Packaging reads everything from `settings.ini`, where nbdev keeps it; change that file, not this one."
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
config = ConfigParser(delimiters=["="])
config.read(here / "settings.ini", encoding="utf-8")
settings = config["DEFAULT"]
suffix = "_requirements" # every `<extra>_requirements` of the settings is an extra, so that the two cannot differ
extras = {key.removesuffix(suffix): settings[key].split() for key in settings if key.endswith(suffix)}
extras["all"] = sorted({r for name in ("hub", "timm") for r in extras[name]})

setup(
    name=settings["lib_name"],
    version=settings["version"],
    license="Apache-2.0",
    description=settings["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=settings["author"],
    author_email=settings["author_email"],
    url=settings["git_url"],
    keywords=settings["keywords"],
    packages=find_packages(include=["img2gps", "img2gps.*"]),
    include_package_data=True,
    python_requires=f">={settings['min_python']}",
    install_requires=settings["requirements"].split(),
    extras_require=extras,
    entry_points={
        "console_scripts": settings["console_scripts"].split(),
        "nbdev": [f"{settings['lib_name']}={settings['lib_name']}._modidx:d"],
    },
    zip_safe=False,
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
)
