// The loss curve: values against steps, on a logarithmic scale.

export function drawCurve(canvas, points, steps) {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const ink = style.getPropertyValue("--faint"), line = style.getPropertyValue("--accent");
  context.clearRect(0, 0, width, height);
  context.font = `11px ${style.fontFamily}`;
  context.fillStyle = ink;
  const shown = points.filter(([, loss]) => loss > 0);
  if (!shown.length) {
    context.fillText("The loss curve appears with the first steps.", 8, height / 2);
    canvas.setAttribute("aria-label", "Loss curve, still empty");
    return;
  }
  const logs = shown.map(([, loss]) => Math.log10(loss));
  const most = Math.max(...logs), least = Math.min(...logs, most - 0.1);
  const x = (step) => 4 + (width - 8) * step / Math.max(steps, 1);
  const y = (log) => 16 + (height - 24) * (most - log) / (most - least);
  context.strokeStyle = line;
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  context.beginPath();
  shown.forEach(([step], i) => context.lineTo(x(step), y(logs[i])));
  context.stroke();
  const [step, loss] = shown.at(-1);
  context.beginPath();
  context.arc(x(step), y(logs.at(-1)), 3, 0, 7);
  context.fillStyle = line;
  context.fill();
  context.fillStyle = ink;
  context.fillText(`loss ${(10 ** most).toPrecision(3)}`, 4, 10);
  context.fillText((10 ** least).toPrecision(3), 4, height - 2);
  canvas.setAttribute("aria-label", `Loss curve: ${loss.toPrecision(3)} at step ${step} of ${steps}`);
}
