"use strict";
// The cards of the best candidates, each with a still picture that is drawn when it comes into
// sight.
class Gallery {
  // pictured(id): the crystal of a candidate, undefined where there is no picture of it
  constructor(elements, pictured, select) {
    this.cards = new Map([...document.querySelectorAll(".card")].map((card) => {
      const { id } = card.dataset, canvas = card.querySelector("canvas"), crystal = pictured(id);
      canvas.hidden = !crystal;
      card.querySelector("button").addEventListener("click", () => select(id));
      return [id, { card, crystal, picture: new Picture(canvas, elements) }];
    }));
    const soon = new IntersectionObserver((seen) => {
      for (const { isIntersecting, target } of seen) {
        if (isIntersecting) this.draw(this.cards.get(target.dataset.id));
      }
    }, { rootMargin: "300px" });
    const again = new ResizeObserver(() => this.refresh());
    for (const { card, picture } of this.cards.values()) {
      soon.observe(card);
      again.observe(picture.canvas);
    }
  }

  draw({ crystal, picture }) {
    if (crystal && !picture.crystal) picture.show(crystal);
  }

  drawAll() {
    for (const card of this.cards.values()) this.draw(card);
    this.refresh();
  }

  // Those that were drawn before, in the colours and the size of now.
  refresh() {
    for (const { picture } of this.cards.values()) picture.draw();
  }

  choose(id) {
    for (const [own, { card }] of this.cards) {
      const button = card.querySelector("button");
      if (own === id) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }
}
