/* Dash resets the state of each component when it first appears, and every reset wakes all that
   appeared before: with a thousand components that is half of the time until the page is there.
   Before the first update there is nothing to reset, so those are left out. */
"use strict";
{
  const RESET = "RESET_COMPONENT_STATE";
  const isUntouched = ({ layoutHashes }) => layoutHashes && Object.keys(layoutHashes).length === 0;

  const sparing = (store) => {
    const { dispatch } = store;
    store.dispatch = (action) =>
      (action?.type === RESET && isUntouched(store.getState()) ? action : dispatch(action));
    return store;
  };

  const stores = (window.dash_stores ??= []); // where Dash puts its store
  stores.push = (...added) => Array.prototype.push.apply(stores, added.map(sparing));
}
