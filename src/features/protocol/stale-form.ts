const descriptionOf = (error: Error): unknown => (error as { error_description?: unknown }).error_description;

/** The library's words for a form whose other half, kept in the session, is gone: sent before, or too late (shared/xsrf.js). */
export const isFormGone = (error: Error): boolean =>
  descriptionOf(error) === 'could not find logout details' ||
  descriptionOf(error) === 'could not find device form details';

/** The form was asked for anew, in another tab, and only the newest counts. */
export const isFormReplaced = (error: Error): boolean => descriptionOf(error) === 'xsrf token invalid';
