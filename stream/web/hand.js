// A hand for each gesture: a small skeleton in space, posed by name, drawn as thick round lines in an SVG.
//
// Axes: x to the thumb's side of a right hand, y along the forearm, z out of the palm. Lengths in palms.

const SVG = "http://www.w3.org/2000/svg";
const RAD = Math.PI / 180;

const FINGERS = [ // knuckle, direction sideways when spread, lengths of the three bones, width
  { at: [0.36, 0.98, 0], lean: 0.2, bones: [0.46, 0.29, 0.21], width: 0.25 },
  { at: [0.11, 1.05, 0], lean: 0.04, bones: [0.52, 0.33, 0.22], width: 0.26 },
  { at: [-0.14, 1.0, 0], lean: -0.12, bones: [0.47, 0.31, 0.22], width: 0.25 },
  { at: [-0.37, 0.88, 0], lean: -0.3, bones: [0.36, 0.22, 0.19], width: 0.22 },
];
const BENDS = [82, 102, 62]; // degrees of each joint of a finger that is wholly curled
const THUMB = { at: [0.3, 0.24, 0.04], bones: [0.4, 0.34, 0.27], width: 0.27 };
const THUMBS = { // directions of its three bones
  out: [[0.75, 0.66, 0.1], [0.62, 0.78, 0.05], [0.5, 0.86, 0]],
  loose: [[0.62, 0.72, 0.4], [0.34, 0.9, 0.3], [0.12, 0.95, 0.3]],
  beside: [[0.5, 0.84, 0.25], [0.16, 0.98, 0.1], [0.02, 1, 0.05]],
  over: [[0.42, 0.62, 0.75], [-0.5, 0.5, 0.7], [-0.97, 0.05, 0.1]],
  meet: [[0.45, 0.6, 0.7], [0.2, 0.85, 0.6], [-0.05, 0.95, 0.35]],
  up: [[0.9, 0.4, 0.2], [0.97, 0.2, 0], [1, 0.1, -0.1]],
};
const PALM = [[-0.13, 0.08, 0], [-0.35, 0.84, 0], [-0.14, 0.96, 0], [0.11, 1.0, 0], [0.34, 0.93, 0], [0.26, 0.32, 0.03], [0.14, 0.08, 0]];
const CREASES = [
  [[-0.38, 0.66, 0.13], [-0.1, 0.72, 0.14], [0.12, 0.84, 0.14]],
  [[0.4, 0.68, 0.13], [0.12, 0.62, 0.14], [-0.2, 0.42, 0.13]],
  [[0.36, 0.66, 0.13], [0.08, 0.44, 0.14], [0.06, 0.14, 0.13]],
];

const pose = (curls, rest = {}) => ({ curls, spread: 0.35, thumb: "loose", flex: 0, side: 0, roll: 18, turn: 0, ...rest });
const POSES = {
  rest: pose([0.3, 0.34, 0.38, 0.42], { roll: 28, flex: -6 }),
  fist: pose([1, 1, 1, 1], { thumb: "over", spread: 0.1, roll: 14 }),
  open: pose([0, 0, 0, 0], { thumb: "out", spread: 1.15, roll: 0 }),
  flexion: pose([0.14, 0.16, 0.18, 0.2], { flex: 56, roll: 82, thumb: "beside", spread: 0.1 }),
  extension: pose([0.1, 0.1, 0.1, 0.1], { flex: -52, roll: 82, thumb: "beside", spread: 0.1 }),
  radial: pose([0.06, 0.06, 0.06, 0.06], { side: -24, thumb: "beside", spread: 0.3, roll: 4 }),
  ulnar: pose([0.06, 0.06, 0.06, 0.06], { side: 34, thumb: "beside", spread: 0.3, roll: 4 }),
  pronation: pose([0.08, 0.08, 0.08, 0.08], { roll: 176, thumb: "loose", spread: 0.5, turn: 1 }),
  supination: pose([0.08, 0.08, 0.08, 0.08], { roll: 0, thumb: "loose", spread: 0.5, turn: -1 }),
  pinch: pose([0.52, 0.2, 0.12, 0.06], { thumb: "meet", spread: 0.7, roll: 44 }),
  tripod: pose([0.55, 0.55, 0.85, 0.9], { thumb: "meet", roll: 44 }),
  point: pose([0, 1, 1, 1], { thumb: "over", spread: 0.1 }),
  victory: pose([0, 0, 1, 1], { thumb: "over", spread: 1.5, roll: 6 }),
  three: pose([0, 0, 0, 1], { thumb: "over", spread: 1.1, roll: 6 }),
  four: pose([0, 0, 0, 0], { thumb: "over", spread: 1.1, roll: 6 }),
  thumb: pose([1, 1, 1, 1], { thumb: "up", spread: 0.1, roll: 14 }),
  neutral: pose([0.12, 0.12, 0.12, 0.14], { thumb: "loose", spread: 0.45, roll: 8 }),
};

const WORDS = [ // in this order: "wrist extension" before the "extension" of fingers, "thumb up" before "up"
  [/thumb/, "thumb"], [/pinch|precision|\bok\b|lateral|key/, "pinch"], [/tripod|writing/, "tripod"],
  [/victory|peace|\btwo\b|scissors/, "victory"], [/\bthree\b/, "three"], [/\bfour\b/, "four"],
  [/point|index|\bone\b/, "point"],
  [/pronat/, "pronation"], [/supinat/, "supination"], [/radial|abduction/, "radial"], [/ulnar|adduction/, "ulnar"],
  [/fist|power|grasp|grip|clos|clench|squeeze|rock/, "fist"], [/open|spread|stop|five|paper|finger.*exten/, "open"],
  [/flex|wave.?in|\bdown\b|bend.*in/, "flexion"], [/exten|wave.?out|\bup\b/, "extension"],
  [/rest|relax|neutral|idle|no.?(motion|movement|gesture)|nothing/, "rest"],
];

/** The pose that a label names, and what to write on a hand whose label says nothing of a pose. */
export function poseOf(label) {
  const plain = label.toLowerCase().replace(/[_-]+/g, " ");
  const found = WORDS.find(([words]) => words.test(plain));
  return found ? { name: found[1], initials: "" } : { name: "neutral", initials: initialsOf(label) };
}

function initialsOf(label) {
  const number = label.match(/(\d+)\s*$/);
  if (number) return String(Number(number[1]));
  return label.split(/[\s_-]+/).filter(Boolean).map((word) => word[0].toUpperCase()).join("").slice(0, 3);
}

/** Everything of a pose as a row of numbers, so that one can become another by and by. */
function numbersOf(name) {
  const { curls, spread, thumb, flex, side, roll, turn } = POSES[name];
  return [...curls, spread, flex, side, roll, turn, ...THUMBS[thumb].flat()];
}

const add = (a, b, k = 1) => [a[0] + k * b[0], a[1] + k * b[1], a[2] + k * b[2]];
const unit = (a) => { const n = Math.hypot(...a) || 1; return a.map((x) => x / n); };
function around(axis, degrees, [x, y, z]) {
  const c = Math.cos(degrees * RAD), s = Math.sin(degrees * RAD);
  if (axis === "x") return [x, c * y - s * z, s * y + c * z];
  if (axis === "y") return [c * x + s * z, y, c * z - s * x];
  return [c * x - s * y, s * x + c * y, z];
}

/** Joints of all fingers and of the palm, in space as it is seen. */
function skeleton(numbers) {
  const [c0, c1, c2, c3, spread, flex, side, roll] = numbers;
  const seen = (at) => around("x", 9, around("y", -roll, at));
  const ofHand = (at) => seen(around("x", flex, around("z", side, at)));
  const fingers = FINGERS.map((finger, index) => {
    const curl = [c0, c1, c2, c3][index];
    let angle = 0, at = finger.at;
    const joints = [at], bends = [];
    finger.bones.forEach((length, bone) => {
      const bend = 4 + curl * BENDS[bone];
      bends.push(bend);
      angle += bend;
      const lean = finger.lean * spread * Math.cos(Math.min(angle, 90) * RAD);
      at = add(at, unit([lean, Math.cos(angle * RAD), Math.sin(angle * RAD)]), length);
      joints.push(at);
    });
    return { joints: joints.map(ofHand), bends, width: finger.width };
  });
  let at = THUMB.at;
  const thumb = [at];
  THUMB.bones.forEach((length, bone) => {
    at = add(at, unit(numbers.slice(9 + 3 * bone, 12 + 3 * bone)), length);
    thumb.push(at);
  });
  return {
    fingers,
    thumb: { joints: thumb.map(ofHand), width: THUMB.width },
    palm: PALM.map(ofHand),
    creases: CREASES.map((line) => line.map(ofHand)),
    facing: ofHand([0, 0, 1])[2] - ofHand([0, 0, 0])[2],
    arm: [[-0.13, 0.02, 0], [-0.14, -0.25, 0], [-0.25, -1.6, 0], [0.25, -1.6, 0], [0.14, -0.25, 0], [0.13, 0.02, 0]],
    band: [-0.3, -0.15, 0, 0.15, 0.3].map((x) => [x, -0.68 + 0.4 * x * x, 0]),
    middle: ofHand([0, 1.2, 0])[0],
  };
}

const depth = (joints) => joints.reduce((sum, at) => sum + at[2], 0) / joints.length;

/** A finger in pieces, cut where it bends so much that one part lies before another. */
function pieces(finger) {
  const cut = [];
  let joints = [finger.joints[0]];
  let attached = finger.bends[0] < 50;
  for (let bone = 0; bone < 3; bone++) {
    if (bone && finger.bends[bone] >= 50) {
      cut.push({ joints, width: finger.width, attached });
      joints = [finger.joints[bone]];
      attached = false;
    }
    joints.push(finger.joints[bone + 1]);
  }
  cut.push({ joints, width: finger.width, attached });
  return cut;
}

const LINE = 0.045;

/** Strokes from back to front: each a path, a class and a width. */
function strokes(numbers) {
  const bones = skeleton(numbers);
  const drawn = [];
  const drift = -0.75 * bones.middle; // what leans far to one side stays in the picture
  const flat = (joints, closed) => joints.map(([x, y, z], i) => `${i ? "L" : "M"}${(x * (1 + 0.06 * z) + drift).toFixed(3)} ${(-y * (1 + 0.06 * z)).toFixed(3)}`).join("") + (closed ? "Z" : joints.length > 1 ? "" : "h0");
  const put = (kind, joints, width, closed = false) => drawn.push({ d: flat(joints, closed), kind, width });
  const whole = ({ joints, width }) => { put("edge", joints, width + 2 * LINE); put("skin", joints, width); };
  const palm = depth(bones.palm);
  const all = bones.fingers.flatMap(pieces);
  const attached = all.filter((piece) => piece.attached).sort((a, b) => depth(a.joints) - depth(b.joints));
  const thumb = { ...bones.thumb, attached: false };
  const loose = [...all.filter((piece) => !piece.attached), thumb].sort((a, b) => depth(a.joints) - depth(b.joints));
  loose.filter((piece) => depth(piece.joints) < palm).forEach(whole);
  put("edge", bones.arm, 0.25 + 2 * LINE, true);
  put("edge", bones.palm, 0.27 + 2 * LINE, true);
  attached.forEach(whole);
  put("skin", bones.arm, 0.25, true);
  put("skin", bones.palm, 0.27, true);
  put("band", bones.band, 0.2);
  if (bones.facing > 0.55) bones.creases.forEach((line) => put("crease", line, LINE * 0.8));
  const front = loose.filter((piece) => depth(piece.joints) >= palm);
  front.forEach((piece) => {
    whole(piece);
    if (piece === thumb) { // its ball is part of the palm: no line between them
      const [ball, next] = piece.joints;
      put("skin", [add(ball, [-0.1, 0.02, 0]), add(ball, add(next, ball, -1), 0.3)], piece.width + 0.2 * LINE);
      put("skin", [add(ball, [-0.07, 0.02, 0])], piece.width + LINE);
    }
  });
  if (bones.facing < -0.55) [...bones.fingers, bones.thumb].forEach(({ joints, width }) => {
    const [tip, before] = [joints[3], joints[2]];
    put("nail", [add(tip, add(before, tip, -1), 0.18), add(tip, add(before, tip, -1), -0.08)], width * 0.5);
  });
  return drawn;
}

/** A drawing of a hand in an <svg>, of which `box` is shown; `to` poses it, `step` moves it there. */
export class Hand {
  constructor(svg, box = "-1.5 -2.36 3 3.3") {
    svg.setAttribute("viewBox", box);
    this.layer = svg.appendChild(document.createElementNS(SVG, "g"));
    this.arrow = svg.appendChild(document.createElementNS(SVG, "path"));
    this.arrow.setAttribute("class", "hand-arrow");
    this.text = svg.appendChild(document.createElementNS(SVG, "text"));
    this.text.setAttribute("class", "hand-text");
    this.text.setAttribute("y", "-0.42");
    this.paths = [];
    this.now = null;
  }

  /** Pose it as a label says; `at once` without moving there. */
  to(label, atOnce = false) {
    const { name, initials } = label === null ? { name: "rest", initials: "" } : poseOf(label);
    this.wanted = numbersOf(name);
    this.text.textContent = initials;
    if (atOnce || this.now === null) { this.now = this.wanted.slice(); this.draw(); }
  }

  /** Move on by some seconds; cheap once it is where it should be. */
  step(seconds) {
    if (!this.now || !this.wanted) return;
    const share = 1 - Math.exp(-seconds / 0.09);
    let moved = false;
    this.now = this.now.map((x, i) => {
      const d = this.wanted[i] - x;
      if (Math.abs(d) < 1e-3) return this.wanted[i];
      moved = true;
      return x + share * d;
    });
    if (moved) this.draw();
  }

  draw() {
    const drawn = strokes(this.now);
    drawn.forEach(({ d, kind, width }, i) => {
      const path = this.paths[i] ??= this.layer.appendChild(document.createElementNS(SVG, "path"));
      path.setAttribute("d", d);
      path.setAttribute("class", `hand-${kind}`);
      path.setAttribute("stroke-width", width.toFixed(3));
      path.removeAttribute("display");
    });
    for (const path of this.paths.slice(drawn.length)) path.setAttribute("display", "none");
    const turn = this.now[8];
    const strength = Math.abs(turn);
    this.arrow.setAttribute("opacity", strength < 0.3 ? 0 : strength.toFixed(2));
    const s = Math.sign(turn) || 1; // around the wrist: over the front, from one side to the other
    this.arrow.setAttribute("d", `M${-0.55 * s} 0.1C${-0.5 * s} 0.36 ${0.5 * s} 0.36 ${0.55 * s} 0.1m${-0.2 * s} 0.02l${0.2 * s} -0.02l${0.02 * s} 0.2`);
  }
}
