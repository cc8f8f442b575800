"""Renders the sample picture of this project, golf-ball.jpg: a golf ball on a lawn under an evening sky, ray traced.

Everything in the picture is made here from formulas and a seed, so the project owns it (licence: as the project).
usage: python render.py golf-ball.jpg          (numpy 2.4.6, Pillow 13.0.0)
"""
import sys

import numpy as np
from PIL import Image, ImageFilter

WIDTH, HEIGHT, SUPERSAMPLE = 500, 375, 2
SUN = np.array([-0.45, 0.75, 0.48]) / np.linalg.norm([-0.45, 0.75, 0.48])
BALL, RADIUS = np.array([0.12, 1.0, 0.0]), 1.0
rng = np.random.default_rng(2026)


def fibonacci_sphere(count):
    """`count` directions spread evenly over the sphere: the centres of the dimples."""
    index = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * index / count), np.pi * (1 + 5**0.5) * index
    return np.stack([np.cos(turn) * np.sin(polar), np.cos(polar), np.sin(turn) * np.sin(polar)], -1)


def smooth_noise(height, width, cell):
    """Value noise in 0..1 with features of about `cell` pixels."""
    coarse = rng.random((height // cell + 2, width // cell + 2))
    image = Image.fromarray((coarse * 255).astype(np.uint8)).resize((width, height), Image.BICUBIC)
    return np.asarray(image, np.float64) / 255


def dimpled_normals(points):
    """Surface normals of a ball whose dimples tilt them towards each dimple's rim."""
    normals = points.copy()
    centres = fibonacci_sphere(336)
    for start in range(0, len(points), 20000):
        part = points[start:start + 20000]
        cosines = part @ centres.T
        nearest = cosines.argmax(1)
        centre = centres[nearest]
        angle = np.arccos(np.clip(cosines[np.arange(len(part)), nearest], -1, 1))
        depth = np.clip(angle / 0.095, 0, 1)
        tilt = np.where(depth < 1, -0.55 * np.sin(np.pi * depth), 0)[:, None]
        outward = part - centre * (part * centre).sum(1, keepdims=True)
        outward /= np.linalg.norm(outward, axis=1, keepdims=True) + 1e-9
        bent = part + tilt * outward
        normals[start:start + 20000] = bent / np.linalg.norm(bent, axis=1, keepdims=True)
    return normals


def lawn(height, width, horizon):
    """Grass blades as short strokes whose size grows towards the viewer."""
    base = np.zeros((height, width, 3))
    rows = np.linspace(0, 1, height - horizon)[:, None]
    mottle = smooth_noise(height, width, 40)[horizon:] * 0.35 + smooth_noise(height, width, 9)[horizon:] * 0.3
    for channel, (far, near) in enumerate([(0.42, 0.20), (0.56, 0.40), (0.22, 0.09)]):
        base[horizon:, :, channel] = (far + (near - far) * rows) * (0.65 + mottle)
    for _ in range(26000):
        depth = rng.random() ** 0.6
        y, x = int(horizon + depth * (height - horizon - 1)), int(rng.integers(0, width))
        length, lean = int(3 + 34 * depth**1.6), rng.normal(0, 0.35)
        tint = rng.uniform(0.55, 1.35)
        colour = np.array([0.30, 0.50, 0.13]) * tint + (rng.random() < 0.1) * 0.12
        for step in range(length):
            yy, xx = y - step, int(x + lean * step)
            if horizon - 6 <= yy < height and 0 <= xx < width:
                base[yy, xx] = 0.35 * base[yy, xx] + 0.65 * colour * (0.7 + 0.5 * step / length)
    return base


def render():
    height, width = HEIGHT * SUPERSAMPLE, WIDTH * SUPERSAMPLE
    horizon = int(height * 0.30)
    picture = lawn(height, width, horizon)
    sky = np.linspace(0, 1, horizon)[:, None, None] * np.array([0.25, 0.16, 0.02]) + np.array([0.50, 0.66, 0.86])
    picture[:horizon] = sky + 0.06 * smooth_noise(height, width, 160)[:horizon, :, None]
    trees = (horizon - 18 - 46 * smooth_noise(height, width, 70)[0]).astype(int)
    leaves = smooth_noise(height, width, 8)
    for x in range(width):
        picture[trees[x]:horizon + 3, x] = np.array([0.12, 0.22, 0.10]) * (0.6 + leaves[trees[x]:horizon + 3, x, None])
    picture = np.asarray(Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(1.2)), np.float64) / 255

    eye, focal = np.array([0.0, 2.0, 5.2]), 2.15
    ys, xs = np.mgrid[0:height, 0:width]
    rays = np.stack([(xs - width / 2) / (height / 2), -(ys - height * 0.36) / (height / 2), -np.full(xs.shape, focal)], -1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    offset = eye - BALL
    along = rays @ offset
    root = along**2 - (offset @ offset - RADIUS**2)

    ground = np.where(rays[..., 1] < -1e-3, -eye[1] / np.minimum(rays[..., 1], -1e-3), np.inf)
    spot = eye + rays * np.where(np.isfinite(ground), ground, 0)[..., None]
    to_ball = BALL - spot
    reach = to_ball @ SUN
    miss = np.linalg.norm(to_ball - reach[..., None] * SUN, axis=-1)
    shade = np.where(np.isfinite(ground) & (reach > 0), np.clip((miss - 0.75) / 0.4, 0, 1), 1)
    contact = np.clip(np.hypot(spot[..., 0] - BALL[0], spot[..., 2] - BALL[2]) / 0.9, 0.25, 1)
    contact = np.where(np.isfinite(ground), contact, 1)
    picture *= ((0.38 + 0.62 * shade) * (0.35 + 0.65 * contact))[..., None]

    hit = root > 0
    distance = -along[hit] - np.sqrt(root[hit])
    points = (eye + rays[hit] * distance[:, None] - BALL) / RADIUS
    normals = dimpled_normals(points)
    diffuse = np.clip(normals @ SUN, 0, 1)
    half = SUN - rays[hit]
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    gloss = np.clip((normals * half).sum(1), 0, 1) ** 60
    up = 0.5 + 0.5 * normals[:, 1]
    ambient = np.outer(up, [0.40, 0.44, 0.50]) + np.outer(1 - up, [0.14, 0.21, 0.08])
    picture[hit] = np.clip(ambient + diffuse[:, None] * np.array([0.66, 0.63, 0.58]) + 0.45 * gloss[:, None], 0, 1)

    # Blades in front of the ball's foot, so that it lies in the grass and not on it.
    for _ in range(900):
        x = int(width / 2 + rng.normal(0.05, 0.16) * width)
        foot = int(height * 0.80 + abs(rng.normal(0, 22)))
        lean, length = rng.normal(0, 0.3), int(rng.uniform(14, 44))
        for step in range(length):
            yy, xx = foot - step, int(x + lean * step)
            if 0 <= yy < height and 0 <= xx < width - 1:
                picture[yy, xx:xx + 2] = np.array([0.24, 0.44, 0.10]) * rng.uniform(0.75, 1.25)
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    return image.resize((WIDTH, HEIGHT), Image.LANCZOS)


if __name__ == "__main__":
    render().save(sys.argv[1], quality=90)
